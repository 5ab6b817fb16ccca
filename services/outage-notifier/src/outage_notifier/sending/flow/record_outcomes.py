"""What is done each time outcomes are recorded: they are fenced by the claim number, and counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from gridcare.events.notices import Channel
from gridcare.observability import metrics
from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.batch import ClaimedBatch
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.store import batch, cover, delivery
from outage_notifier.sending.core.lease import Lease

PROVIDERS: Final[Mapping[Channel, str]] = {"push": "fcm", "sms": "twilio"}


async def lock_claimed(tx: Connection, claimed: ClaimedBatch, lease: Lease) -> bool:
    """Lock the batch at this claim number, and the home batches of a follow-up.

    If another sender claimed it, note that the lease is lost and return False; nothing may be written then.
    """
    if not await batch.lock(tx, claimed.batch_id, claimed.claim_number):
        lease.lost = True
        return False
    if not claimed.home:
        await batch.lock_many(tx, [m.home_batch_id for m in claimed.members if m.home_batch_id])
    return True


async def record_deliveries(tx: Connection, claimed: ClaimedBatch, deliveries: Sequence[Delivery]) -> None:
    """Write deliveries. Those of a follow-up may be told on other contacts than planned: who relied on them is looked at."""
    await delivery.record(tx, deliveries)
    if not claimed.home:
        await cover.look_at_owners(tx, [row.key for row in deliveries])


def count_outcomes(channel: Channel, deliveries: Sequence[Delivery], ended: Sequence[Attempt]) -> None:
    """Count what was recorded, by state and by outcome."""
    for state, number in Counter(row.state for row in deliveries).items():
        metrics.DELIVERIES.inc(number, channel=channel, state=state)
    provider = PROVIDERS[channel]
    for outcome, number in Counter(call.outcome for call in ended).items():
        metrics.PROVIDER_CALLS.inc(number, provider=provider, outcome=str(outcome))
    took_s = ((call.ended_at - call.started_at).total_seconds() for call in ended if call.ended_at is not None)
    metrics.PROVIDER_CALL_SECONDS.observe_all(took_s, provider=provider)
