"""The last check before a call: each notice is judged by itself, and a newer revision counts at once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gridcare.testing.clock import StandingClock
from outage_notifier.ledger.core.batch import ClaimedBatch
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.notice import Content
from outage_notifier.sending.core.batch_to_send import BatchToSend, Pending
from outage_notifier.sending.core.lease import Lease
from outage_notifier.sending.core.quiet_hours import QuietHours
from outage_notifier.sending.flow.last_check import LastCheck

NIGHT = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
"""22:00 in Can Tho."""

USEFUL, LATE = UUID(int=1), UUID(int=2)


def content(notice_id: UUID, useful_until: datetime, kind: str = "ticket-opened") -> Content:
    return Content(
        notice_id=notice_id,
        outage_id=None,
        revision=None,
        kind=kind,
        template=kind,
        template_version=1,
        slots={},
        tag="a tag",
        useful_until=useful_until,
        superseded=False,
    )


CONTENTS = {USEFUL: content(USEFUL, NIGHT + timedelta(days=1)), LATE: content(LATE, NIGHT)}


def pending(notice_id: UUID, **changes) -> Pending:
    return Pending(0, Member(1, "A", "vi", ("1",), notice_id=notice_id, **changes), CONTENTS[notice_id])


@pytest.fixture
def check() -> LastCheck:
    """Return the check of a packed batch at night: a useful notice that ignores quiet hours, and one that came too late."""
    batch = BatchToSend(
        ClaimedBatch(UUID(int=9), None, True, "sms", "transactional", 1, ()),
        pending=(),
        in_doubt=frozenset(),
        first_look=timedelta(seconds=90),
    )
    return LastCheck(batch, Lease(30, 1e9), StandingClock(NIGHT), QuietHours())


def test_each_notice_by_itself(check):
    """One of the packed notices may be sent, the other expires."""
    assert check.why_unsent(pending(USEFUL)) is None
    assert check.why_unsent(pending(LATE)).state is State.EXPIRED


def test_told_before_stays_accepted(check):
    """What was pushed before is not lost by coming too late now: the answers of the two kinds of members do not mix."""
    assert check.why_unsent(pending(LATE)).state is State.EXPIRED
    assert check.why_unsent(pending(LATE, told_before=True)).state is State.ACCEPTED


def test_newer_revision_counts_at_once(check):
    """However fresh the kept answer is."""
    assert check.why_unsent(pending(USEFUL)) is None
    check.lease.superseded = True
    assert check.why_unsent(pending(USEFUL)).state is State.SUPERSEDED


def test_quiet_hours_hold_notices(check):
    """A kind that does not ignore them waits until seven."""
    receipt = content(USEFUL, NIGHT + timedelta(days=1), "payment-received")
    decision = check.why_unsent(pending(USEFUL)._replace(content=receipt))
    assert (decision.state, decision.next_attempt_at) == (State.HELD, NIGHT + timedelta(hours=9))
