"""Store a status callback of the SMS provider: verify its raw bytes, store it once. It is applied from the stored row."""

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn

from gridcare.errors import BadRequest, Forbidden
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from gridcare.process.crash_points import reach
from outage_notifier.contacts.vault import RECEIPT
from outage_notifier.ledger.core.attempt import attempt_name
from outage_notifier.receipts.room import Callbacks
from outage_notifier.receipts.store import receipt

SOURCE: Final = "twilio"
_SIGNATURE: Final = re.compile(r"[A-Za-z0-9+/]{27}=")
"""An HMAC-SHA1 in base64, which is how Twilio signs a request."""

logger = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCallback:
    """Store a callback as it came: the query as it was written, the body as bytes, the signature's header.

    `attempt` is the name of the attempt in the query, if there is one.
    """

    query: str
    body: bytes = field(repr=False)
    signature: str
    attempt: str | None


def refuse_unsigned(signature: str) -> None:
    """Raise Forbidden for what is no signature at all, so that nobody waits for the body of such a post."""
    if not _SIGNATURE.fullmatch(signature):
        _refuse(size_bytes=0)


async def store_callback(command: StoreCallback, *, room: Callbacks) -> None:
    """Store a callback once; a repeated one changes nothing.

    Raises Forbidden for a signature that is not Twilio's, BadRequest for a signed post that is not a status callback.
    """
    if not room.provider.verify(query=command.query, body=command.body, signature=command.signature):
        _refuse(size_bytes=len(command.body))
    callback = room.provider.read(command.body)
    if callback is None:
        metrics.PROVIDER_CALLBACKS.inc(provider=SOURCE, outcome="invalid")
        logger.error("callback_unreadable", provider=SOURCE, size_bytes=len(command.body))
        raise BadRequest("not-a-status-callback", "the post names no message and status")
    name = attempt_name(command.attempt)
    key = receipt.dedup_key(callback.message_id, callback.status)
    async with room.db.transaction() as tx:
        fresh = await receipt.add(
            tx,
            source=SOURCE,
            key=key,
            attempt_name=None if name is None else str(name),
            body_sealed=room.vault.seal(command.body, RECEIPT, row=key),
            now=room.clock.now(),
        )
    reach("callback.stored")
    metrics.PROVIDER_CALLBACKS.inc(provider=SOURCE, outcome="stored" if fresh else "repeated")


def _refuse(*, size_bytes: int) -> NoReturn:
    metrics.PROVIDER_CALLBACKS.inc(provider=SOURCE, outcome="bad_signature")
    logger.info("callback_refused", provider=SOURCE, reason="bad_signature", size_bytes=size_bytes)
    raise Forbidden("bad-signature", "the post is not signed by the provider")
