"""Store a provider's callback: verify its raw bytes, store it once, return what to answer. It is handled from the stored row."""

from dataclasses import dataclass
from uuid import UUID

from billing_gateway.callbacks import store as provider_event
from billing_gateway.callbacks.core import verdict
from billing_gateway.callbacks.room import Callbacks
from billing_gateway.payments import store as payment
from billing_gateway.providers.core import Unreadable, Verdict
from gridcare.events.payments import Provider
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.process.crash_points import reach
from gridcare.values.ids import uuid7

logger = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCallback:
    """A callback as it came: from whom, and its raw bytes."""

    provider: Provider
    raw: bytes


@dataclass(frozen=True, slots=True)
class StoredCallback:
    """What to answer, and the row that was stored; None when nothing new was stored."""

    verdict: Verdict
    provider_event_id: UUID | None = None


async def store_callback(command: StoreCallback, *, room: Callbacks) -> StoredCallback:
    """Store a callback as it came, once. Raises Retryable when it could not be stored."""
    provider = room.providers[command.provider]
    message = provider.verify(command.raw)
    if message is None:
        metrics.PROVIDER_CALLBACKS.inc(provider=command.provider, outcome="bad_signature")
        logger.info("callback_refused", provider=command.provider, reason="bad_signature", size_bytes=len(command.raw))
        return StoredCallback(Verdict.BAD_SIGNATURE)
    if not message.storable:
        return _not_understood(command.provider, "too-long", None)
    now = room.clock.now()
    provider_event_id = uuid7(now)
    async with room.db.transaction() as tx:
        fresh = await provider_event.add(
            tx, message, provider_event_id=provider_event_id, provider=command.provider, now=now
        )
        begun = await payment.by_order_reference(tx, command.provider, message.order_reference)
    reach("callback.stored")
    stored = provider_event_id if fresh else None
    try:
        report = provider.read(message.raw)
        said = verdict(report, begun, fresh=fresh, acceptance_answers=provider.acceptance_answers)
    except Unreadable as error:
        return _not_understood(command.provider, error.reason, stored)
    except Exception:  # a bug of ours is no reason to refuse what is stored: the worker meets it again and counts it
        logger.exception("callback_not_read", provider=command.provider, provider_event_id=stored)
        said = Verdict.ACCEPTED if fresh else Verdict.REPEATED
    metrics.PROVIDER_CALLBACKS.inc(provider=command.provider, outcome="stored" if fresh else "repeated")
    return StoredCallback(said, stored)


def _not_understood(provider: Provider, reason: str, stored: UUID | None) -> StoredCallback:
    """Log an error: the provider signed the message, so it may be about money, and a person has to read it."""
    metrics.PROVIDER_CALLBACKS.inc(provider=provider, outcome="invalid")
    logger.error("callback_unreadable", provider=provider, reason=reason, provider_event_id=stored)
    return StoredCallback(Verdict.NOT_UNDERSTOOD, stored)
