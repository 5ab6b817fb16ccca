"""Outages: every change from every state, and any sequence of changes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

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


def changed(action: str, before: Outage, now: datetime = NOW) -> Change:
    """Make a change, named by its verb."""
    other = document(window(7), late_reason="x")
    match action:
        case "edit":
            return outage.edit(before, other, rules=RULES, now=now)
        case "publish":
            return outage.publish(before, late_reason="x", rules=RULES, now=now)
        case "revise":
            return outage.revise(before, other, rules=RULES, now=now)
        case "cancel":
            return outage.cancel(before, now=now)
        case _:
            return outage.restore(before, now=now)


@pytest.mark.parametrize(
    ("state", "action", "expected"),
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
def test_every_change(state, action, expected):
    """A change leads to its state, or is refused with its stable code."""
    try:
        after = changed(action, draft() if state == "draft" else replace(published(), state=state)).after.state
    except Conflict as refused:
        after = refused.code
    assert after == expected


def test_cut_over():
    """A cut that is over can be restored, not cancelled."""
    end = published().document.end
    with pytest.raises(Conflict, match="outage-is-over"):
        outage.cancel(published(), now=end)
    assert outage.restore(published(), now=end).after.state == "restored"


def test_unchanged_revision():
    """A revision that says nothing new is refused, so that customers are not told the same twice."""
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
def test_impossible_windows(windows, code):
    """Windows that cannot be are refused in a draft already, each with a code of its own."""
    said = OutageDocument(cause="c", place="p", windows=windows, scope=Scope(feeder_ids=("FD1",)))
    with pytest.raises(Unprocessable) as refused:
        draft(said=said)
    assert refused.value.code == code


def test_touching_windows():
    """Windows do not overlap when one ends as the next starts."""
    first = window(6)
    second = Window(start=first.end, end=first.end + HOUR)
    assert draft(said=document(second, first)).state == "draft"


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
def test_past_windows(kind, start_h, hours, code):
    """The past is not published: a planned cut lies ahead, an unplanned one is not over."""
    said = document(Window(start=NOW + start_h * HOUR, end=NOW + (start_h + hours) * HOUR))
    try:
        outage.publish(draft(kind, said), late_reason="x", rules=RULES, now=NOW)
        refused = None
    except Unprocessable as error:
        refused = error.code
    assert refused == code


@pytest.mark.parametrize(("days", "reason", "late"), [(5, "", False), (4.99, "", True), (4.99, "storm", False)])
def test_late_publication(days, reason, late):
    """Less than five days' notice is refused without a reason; the reason is kept."""
    if late:
        with pytest.raises(Unprocessable) as refused:
            outage.publish(draft(said=document(window(days))), late_reason=reason, rules=RULES, now=NOW)
        assert refused.value.code == "statutory-notice-late"
        assert refused.value.extra["legal_basis"] == "a law"
    else:
        change = outage.publish(draft(said=document(window(days))), late_reason=reason, rules=RULES, now=NOW)
        assert change.after.document.late_reason == reason


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
def test_notice_starts_again(revised, late):
    """The notice is counted again for a longer cut, another time or more people, not for a shorter cut."""
    before = published(said=document(window(2)))
    try:
        outage.revise(before, revised, rules=RULES, now=NOW)
        refused = None
    except Unprocessable as error:
        refused = error.code
    assert refused == ("statutory-notice-late" if late else None)


@pytest.mark.parametrize(
    ("windows", "code"),
    [
        ([(-1, 4)], None),  # (start from now, length) in hours
        ([(-2, 4)], "window-in-past"),
        ([(-1, 0.5)], "window-in-past"),
        ([(-1, 3), (24, 3)], None),
        ([(-24, 3)], "window-in-past"),
    ],
)
def test_running_cut(windows, code):
    """A running cut can be prolonged, but a window that began keeps its start and ends in the future."""
    before = replace(published(), document=document(Window(start=NOW - HOUR, end=NOW + 2 * HOUR)))
    said = document(*(Window(start=NOW + s * HOUR, end=NOW + (s + n) * HOUR) for s, n in windows), late_reason="x")
    try:
        outage.revise(before, said, rules=RULES, now=NOW)
        refused = None
    except Unprocessable as error:
        refused = error.code
    assert refused == code


class AnyChanges(RuleBasedStateMachine):
    """Any changes in any order, at any later time: refused ones change nothing, others keep what must be kept."""

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
    def change(self, action):
        try:
            change = changed(action, self.outage, self.now)
        except BusinessError:
            return
        assert change.before is self.outage
        events = events_of(change)
        notices = notices_of(change, rules=RULES, now=self.now)
        assert bool(events) == (change.after.version == self.outage.version + 1)
        assert not notices or events
        assert all(each.due_at >= self.now for each in notices)
        assert all(each.useful_until > each.due_at for each in notices)
        self.events += bool(events)
        self.outage = change.after
        self.kept.append(change.after)

    @invariant()
    def revisions_and_versions_count(self):
        assert [each.revision for each in self.kept] == list(range(1, len(self.kept) + 1))
        assert self.outage.version == self.events
        assert self.outage.kind == self.kept[0].kind

    @invariant()
    def an_ended_outage_stays_ended(self):
        ended = [each for each in self.kept if each.state in {"cancelled", "restored"}]
        assert ended in ([], [self.kept[-1]])


TestAnyChanges = AnyChanges.TestCase
