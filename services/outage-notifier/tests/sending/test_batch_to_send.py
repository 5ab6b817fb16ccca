"""Who of a claimed batch is still to be sent, and what becomes of its decisions."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from outage_notifier.ledger.core.batch import ClaimedBatch
from outage_notifier.ledger.core.decision import Decision
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.notice import Content
from outage_notifier.sending.core.batch_to_send import BatchToSend, Pending, is_fresh, notice_id_of, pending_of

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
NOTICE, OTHER, BATCH = UUID(int=1), UUID(int=2), UUID(int=3)
MEMBERS = (
    Member(1, "A", "vi", ("d1", "d2")),
    Member(2, "B", "vi", ()),
    Member(3, "C", "vi", ("d3",)),
)


CONTENT = Content(NOTICE, None, None, "announcement", "announcement", 1, {}, "a tag", NOW, superseded=False)
CONTENTS = {NOTICE: CONTENT}


def claimed(*, claim_number: int = 1, home: bool = True, **changes) -> ClaimedBatch:
    values = {"notice_id": NOTICE, "channel": "push", "lane": "bulk", "members": MEMBERS, **changes}
    return ClaimedBatch(batch_id=BATCH, claim_number=claim_number, home=home, **values)


def row(recipient_id: str, *, follow_up: UUID | None = None):
    """Return the row of a member of a batch."""
    to_send = BatchToSend(claimed(), (), frozenset(), timedelta(seconds=90))
    pending = next(Pending(0, each, CONTENT) for each in MEMBERS if each.recipient_id == recipient_id)
    made = to_send.delivery(pending, Decision(State.HELD, "quiet-hours", NOW), contact="", called=False, now=NOW)
    return replace(made, follow_up_batch_id=follow_up)


def test_contacts_are_numbered():
    """A member's number is that of its first contact; one without any takes a number all the same."""
    assert [pending.contact_number for pending in pending_of(claimed(), CONTENTS, {})] == [0, 2, 3]


def test_recorded_home_members_are_done():
    """Whoever has a row is not sent again, and the others keep their numbers."""
    pending = pending_of(claimed(claim_number=2), CONTENTS, {(NOTICE, "A"): row("A")})
    assert [(each.contact_number, each.member.recipient_id) for each in pending] == [(2, "B"), (3, "C")]


def test_rows_name_follow_ups():
    """In a follow-up a member is pending as long as its row names this batch."""
    known = {(NOTICE, "A"): row("A", follow_up=BATCH), (NOTICE, "B"): row("B")}
    assert [each.member.recipient_id for each in pending_of(claimed(home=False), CONTENTS, known)] == ["A"]


@pytest.mark.parametrize(("claim_number", "home", "fresh"), [(1, True, True), (2, True, False), (1, False, False)])
def test_first_claim_is_fresh(claim_number, *, home, fresh):
    """Nothing of a home batch can be recorded before its first claim."""
    assert is_fresh(claimed(claim_number=claim_number, home=home)) == fresh


def test_packed_members_name_their_notice():
    """A member's own notice counts before the batch's; without either it is a bug."""
    assert notice_id_of(Member(1, "A", "vi", (), notice_id=OTHER), claimed()) == OTHER
    assert notice_id_of(MEMBERS[0], claimed()) == NOTICE
    with pytest.raises(LookupError):
        notice_id_of(MEMBERS[0], claimed(notice_id=None))


def test_held_row_names_channel():
    """A decision that names no channel waits for the batch's own, without a try."""
    held = row("A")
    assert (held.state, held.next_channel, held.next_attempt_at, held.tries) == (State.HELD, "push", NOW, 0)
    assert held.home_batch_id == BATCH
