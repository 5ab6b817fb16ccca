"""Write what planning decided of some recipients: their batches with the members stored, and who is settled at once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from gridcare.events.notices import Lane
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7
from outage_notifier.ledger.core.batch import NewBatch
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.store import batch, delivery
from outage_notifier.planning.core.choice import cut
from outage_notifier.planning.core.page import Recipient, Settled, choose_all, plan_page, shared_keys
from outage_notifier.planning.flow.hint_batches import hint_at_new
from outage_notifier.planning.store import contacts
from outage_notifier.texts.template import TEMPLATES, Kind


async def write_page(
    tx: Connection,
    recipients: Sequence[Recipient],
    *,
    notice_id: UUID | None,
    kind: Kind,
    lane: Lane,
    batch_size: int,
    now: datetime,
) -> None:
    """Choose contacts, note the shared ones, and write batches with their hints, and who is settled at once.

    `notice_id` is None where one-recipient notices of a kind are packed.
    """
    choices = choose_all(recipients, sms_first=TEMPLATES[kind].sms_first)
    owners = {noted: await contacts.note(tx, noted, keys) for noted, keys in shared_keys(recipients, choices).items()}
    plan = plan_page(recipients, choices, owners, packed=notice_id is None)
    batches = [
        NewBatch(uuid7(now), notice_id, home=True, channel=channel, lane=lane, members=members)
        for channel, of_channel in plan.members.items()
        for members in cut(of_channel, batch_size)
    ]
    await batch.insert(tx, batches)
    await hint_at_new(tx, batches, now=now)
    if plan.settled:
        members = [_counted_member(each.recipient) for each in plan.settled]
        counting = NewBatch(uuid7(now), notice_id, home=True, channel="none", lane=lane, members=members)
        await batch.insert(tx, [counting])
        await delivery.record(tx, [_delivery(each, counting.batch_id, now) for each in plan.settled])


def _counted_member(recipient: Recipient) -> Member:
    """Return who is settled at once as a member of the batch of no channel that counts them."""
    return Member(
        recipient.number,
        recipient.contacts.recipient_id,
        recipient.contacts.language,
        contacts=(),
        notice_id=recipient.notice_id,
    )


def _delivery(settled: Settled, batch_id: UUID, now: datetime) -> Delivery:
    recipient = settled.recipient
    return Delivery(
        notice_id=recipient.notice_id,
        recipient_id=recipient.contacts.recipient_id,
        number=recipient.number,
        home_batch_id=batch_id,
        language=recipient.contacts.language,
        state=settled.state,
        reason=settled.reason,
        channel="none",
        contact=settled.contact,
        covered_by=settled.covered_by,
        tries=0,
        looks=0,
        next_attempt_at=None,
        next_channel=None,
        follow_up_batch_id=None,
        recorded_at=now,
    )
