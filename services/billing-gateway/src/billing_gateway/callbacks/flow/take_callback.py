"""Take a provider's callback: verify its raw bytes, store it, say what to answer. The work is done from the stored row."""

from dataclasses import dataclass
from uuid import UUID

from billing_gateway.callbacks import store as provider_event
from billing_gateway.callbacks.core import Verdict, verdict
from billing_gateway.payments import store as payment
from billing_gateway.payments.room import PaymentDesk
from billing_gateway.providers.provider import Unreadable
from gridcare.events.payments import Provider
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.values.ids import uuid7

logger = get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """What to answer, and the row that was stored; None when there is nothing new to work on."""

    verdict: Verdict
    provider_event_id: UUID | None = None


async def take_callback(desk: PaymentDesk, provider_name: Provider, raw: bytes) -> Taken:
    """Store a callback as it came, once. Raises Retryable when it could not be stored: nothing was taken."""
    provider = desk.providers[provider_name]
    message = provider.verify(raw)
    if message is None:
        metrics.PROVIDER_CALLBACKS.inc(provider=provider_name, outcome="bad_signature")
        logger.info("callback_refused", provider=provider_name, reason="bad_signature", size_bytes=len(raw))
        return Taken(Verdict.BAD_SIGNATURE)
    if not message.storable:
        return _not_understood(provider_name, "too-long", None)
    now = desk.clock.now()
    provider_event_id = uuid7(now)
    async with desk.db.transaction() as tx:
        fresh = await provider_event.add(
            tx, message, provider_event_id=provider_event_id, provider=provider_name, now=now
        )
        attempt = await payment.by_order_reference(tx, provider_name, message.order_reference)
    stored = provider_event_id if fresh else None
    try:
        report = provider.read(message.raw)
    except Unreadable as error:
        return _not_understood(provider_name, error.reason, stored)
    metrics.PROVIDER_CALLBACKS.inc(provider=provider_name, outcome="stored" if fresh else "repeated")
    return Taken(verdict(report, attempt, fresh=fresh), stored)


def _not_understood(provider_name: Provider, reason: str, stored: UUID | None) -> Taken:
    """Tell ops: the provider signed it, so it may be about money, and only a person can say."""
    metrics.PROVIDER_CALLBACKS.inc(provider=provider_name, outcome="invalid")
    logger.error("callback_unreadable", provider=provider_name, reason=reason, provider_event_id=stored)
    return Taken(Verdict.NOT_UNDERSTOOD, stored)
