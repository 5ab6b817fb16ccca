"""Outages: every step from every state, and any sequence of steps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gridcare.errors import BusinessError, Conflict, Unprocessable
from gridcare.events.outages import Scope, Window
from outage_notifier.outages.core import outage
from outage_notifier.outages.core.notices import events_of, notices_of
from outage_notifier.outages.core.outage import Change, Outage, OutageDocument
from outage_notifier.outages.core.rules import OutageRules

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
RULES = OutageRules(statutory_basis="a law")
HOUR = timedelta(hours=1)


def window(days: float, hours: float = 3) -> Window:
    return Window(start=NOW + timedelta(days=days), end=NOW + timedelta(days=days, hours=hours))


def document(*windows: Window, feeders: tuple[str, ...] = ("FD1",), late_reason: str = "") -> OutageDocument:
    return OutageDocument(
        cause="bảo trì",
        place="KV 5",
        windows=windows or (window(6),),
        scope=Scope(feeder_ids=feeders),
        late_reason=late_reason,
    )


def draft(kind="planned", said: OutageDocument | None = None) -> Outage:
    return outage.create(UUID(int=1), kind, said or document(), by="p", rules=RULES, now=NOW).after


def published(kind="planned", said: OutageDocument | None = None) -> Outage:
    return outage.publish(draft(kind, said), late_reason="x", rules=RULES, now=NOW).after


def take(action: str, found: Outage, now: datetime = NOW) -> Change:
    other = document(window(7), late_reason="x")
    match action:
        case "edit":
            return outage.edit(found, other, rules=RULES, now=now)
        case "publish":
            return outage.publish(found, late_reason="x", rules=RULES, now=now)
        case "revise":
            return outage.revise(found, other, rules=RULES, now=now)
        case "cancel":
            return outage.cancel(found, now=now)
        case _:
            return outage.restore(found, now=now)


@pytest.mark.parametrize(
    ("status", "action", "expected"),
    [
        ("draft", "edit", "draft"),
        ("draft", "publish", "published"),
        ("draft", "revise", "outage-not-published"),
        ("draft", "cancel", "cancelled"),
        ("draft", "restore", "outage-not-published"),
        ("published", "edit", "outage-already-published"),
        ("published", "publish", "outage-already-published"),
        ("published", "revise", "published"),
        ("published", "cancel", "cancelled"),
        ("published", "restore", "outage-not-started"),
        *((s, a, f"outage-already-{s}") for s in ("cancelled", "restored") for a in ("edit", "publish", "revise")),
        *((s, a, f"outage-already-{s}") for s in ("cancelled", "restored") for a in ("cancel", "restore")),
    ],
)
def test_every_step_from_every_state(status, action, expected):
    """A step leads to its state, or is refused with its stable code."""
    try:
        after = take(action, draft() if status == "draft" else replace(published(), status=status)).after.status
    except Conflict as refused:
        after = refused.code
    assert after == expected


def test_a_cut_that_is_over_is_restored_not_cancelled():
    """After the last window's end only the restoration is left."""
    end = published().document.end
    with pytest.raises(Conflict, match="outage-is-over"):
        outage.cancel(published(), now=end)
    assert outage.restore(published(), now=end).after.status == "restored"


def test_a_revision_that_says_nothing_new_is_refused():
    """Customers are not told twice the same."""
    with pytest.raises(Conflict, match="outage-unchanged"):
        outage.revise(published(), document(late_reason="y"), rules=RULES, now=NOW)


@pytest.mark.parametrize(
    ("windows", "code"),
    [
        ((), "windows-count"),
        (tuple(window(n) for n in range(1, 22)), "windows-count"),
        ((window(6, hours=0),), "window-ends-before-start"),
        ((window(6, hours=-1),), "window-ends-before-start"),
        ((window(6, hours=73),), "window-too-long"),
        ((window(401),), "window-too-far"),
        ((window(6), window(6.1)), "windows-overlap"),
        ((window(6.1), window(6)), "windows-overlap"),
    ],
)
def test_windows_that_cannot_be_are_refused_in_a_draft(windows, code):
    """Each with a code of its own."""
    said = OutageDocument(cause="c", place="p", windows=windows, scope=Scope(feeder_ids=("FD1",)))
    with pytest.raises(Unprocessable) as refused:
        draft(said=said)
    assert refused.value.code == code


def test_windows_that_touch_do_not_overlap():
    """One ends when the next starts."""
    first = window(6)
    second = Window(start=first.end, end=first.end + HOUR)
    assert draft(said=document(second, first)).status == "draft"


@pytest.mark.parametrize(
    ("kind", "start_h", "hours", "code"),
    [
        ("planned", -1, 3, "window-in-past"),
        ("planned", 0, 3, "window-in-past"),
        ("planned", 1, 3, None),
        ("unplanned", -1, 3, None),
        ("unplanned", -4, 3, "window-in-past"),
        ("unplanned", -3, 3, "window-in-past"),
    ],
)
def test_the_past_is_not_published(kind, start_h, hours, code):
    """A planned cut lies ahead; an unplanned one is not over."""
    said = document(Window(start=NOW + start_h * HOUR, end=NOW + (start_h + hours) * HOUR))
    try:
        outage.publish(draft(kind, said), late_reason="x", rules=RULES, now=NOW)
        refused = None
    except Unprocessable as error:
        refused = error.code
    assert refused == code


@pytest.mark.parametrize(("days", "reason", "late"), [(5, "", False), (4.99, "", True), (4.99, "storm", False)])
def test_a_late_publication_needs_a_reason(days, reason, late):
    """Less than five days' notice is refused unless it says why; the reason is kept."""
    if late:
        with pytest.raises(Unprocessable) as refused:
            outage.publish(draft(said=document(window(days))), late_reason=reason, rules=RULES, now=NOW)
        assert refused.value.code == "statutory-notice-late"
        assert refused.value.extra["legal_basis"] == "a law"
    else:
        step = outage.publish(draft(said=document(window(days))), late_reason=reason, rules=RULES, now=NOW)
        assert step.after.document.late_reason == reason


@pytest.mark.parametrize(
    ("revised", "late"),
    [
        (document(window(2, hours=2)), False),
        (document(window(2, hours=4)), True),
        (document(window(3)), True),
        (document(window(2), feeders=("FD1", "FD2")), True),
        (document(window(9)), False),
    ],
)
def test_the_clock_of_the_notice_starts_again_for_what_is_new(revised, late):
    """A shorter cut is no news; a longer one, another time or more people are."""
    found = published(said=document(window(2)))
    try:
        outage.revise(found, revised, rules=RULES, now=NOW)
        refused = None
    except Unprocessable as error:
        refused = error.code
    assert refused == ("statutory-notice-late" if late else None)


@pytest.mark.parametrize(
    ("windows", "code"),
    [
        ([(-1, 4)], None),
        ([(-2, 4)], "window-in-past"),
        ([(-1, 0.5)], "window-in-past"),
        ([(-1, 3), (24, 3)], None),
        ([(-24, 3)], "window-in-past"),
    ],
)
def test_a_running_cut_can_be_prolonged_but_its_past_stays(windows, code):
    """A window that began keeps its start, and ends in the future; (start, length) in hours from now."""
    began = Window(start=NOW - HOUR, end=NOW + 2 * HOUR)
    found = replace(published(), document=document(began))
    said = document(*(Window(start=NOW + s * HOUR, end=NOW + (s + n) * HOUR) for s, n in windows), late_reason="x")
    try:
        outage.revise(found, said, rules=RULES, now=NOW)
        refused = None
    except Unprocessable as error:
        refused = error.code
    assert refused == code


class AnySteps(RuleBasedStateMachine):
    """Any steps in any order, at any later time: refused ones change nothing, others keep what must be kept."""

    @initialize(kind=st.sampled_from(["planned", "unplanned"]))
    def begin(self, kind):
        self.now = NOW
        self.outage = draft(kind)
        self.kept = [self.outage]
        self.events = 0

    @rule(hours=st.floats(min_value=0.01, max_value=100))
    def wait(self, hours):
        self.now += hours * HOUR

    @rule(action=st.sampled_from(["edit", "publish", "revise", "cancel", "restore"]))
    def step(self, action):
        try:
            step = take(action, self.outage, self.now)
        except BusinessError:
            return
        assert step.before is self.outage
        events = events_of(step)
        notices = notices_of(step, rules=RULES, now=self.now)
        assert bool(events) == (step.after.version == self.outage.version + 1)
        assert not notices or events
        assert all(each.due_at >= self.now for each in notices)
        assert all(each.useful_until > each.due_at for each in notices)
        self.events += bool(events)
        self.outage = step.after
        self.kept.append(step.after)

    @invariant()
    def revisions_and_versions_count(self):
        assert [each.revision for each in self.kept] == list(range(1, len(self.kept) + 1))
        assert self.outage.version == self.events
        assert self.outage.kind == self.kept[0].kind

    @invariant()
    def an_ended_outage_stays_ended(self):
        ended = [each for each in self.kept if each.status in {"cancelled", "restored"}]
        assert ended in ([], [self.kept[-1]])


TestAnySteps = AnySteps.TestCase
