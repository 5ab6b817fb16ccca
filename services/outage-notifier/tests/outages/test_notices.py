"""What each change of an outage tells customers and other services."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from gridcare.events.outages import (
    OutageCancelled,
    OutagePlanned,
    OutageRestored,
    OutageRevised,
    OutageStarted,
    Scope,
    Window,
)
from outage_notifier.outages.core import outage
from outage_notifier.outages.core.notices import events_of, notices_of, tag_of
from outage_notifier.outages.core.outage import Change, Outage, OutageDocument
from outage_notifier.outages.core.rules import OutageRules

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
RULES = OutageRules()
MORNING = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
"""08:00 in Can Tho, a week ahead."""


def window(start: datetime, hours: float = 3) -> Window:
    return Window(start=start, end=start + timedelta(hours=hours))


def document(*windows: Window, points: tuple[str, ...] = ()) -> OutageDocument:
    scope = Scope(feeder_ids=("FD1",), supply_point_ids=points)
    return OutageDocument(cause="c", place="p", windows=windows or (window(MORNING),), scope=scope, late_reason="x")


def drafted(said: OutageDocument, kind="planned") -> Outage:
    return outage.create(UUID(int=7), kind, said, by="p", rules=RULES, now=NOW).after


def publication(said: OutageDocument, kind="planned", now: datetime = NOW) -> Change:
    return outage.publish(drafted(said, kind), late_reason="x", rules=RULES, now=now)


def told(change: Change, now: datetime = NOW) -> list[tuple[str, str, datetime, datetime]]:
    return [(n.kind, n.audience_rule, n.due_at, n.useful_until) for n in notices_of(change, rules=RULES, now=now)]


def test_planned_cut():
    """A planned cut has an announcement, useful until the start, and a reminder at 18:00 in Vietnam on the day before."""
    evening = datetime(2026, 11, 29, 11, 0, tzinfo=UTC)
    assert told(publication(document())) == [
        ("announcement", "scope_untold", NOW, MORNING),
        ("reminder", "scope", evening, MORNING),
    ]


def test_fresh_announcement():
    """A cut published within twelve hours of the evening before has no reminder."""
    soon = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert [n[0] for n in told(publication(document(window(soon))))] == ["announcement"]


def test_reminder_each_day():
    """Two windows of one day share a reminder; the next day has its own, with its own windows."""
    same_day, next_day = window(MORNING + timedelta(hours=5)), window(MORNING + timedelta(days=1))
    made = publication(document(window(MORNING), same_day, next_day))
    reminders = [n for n in notices_of(made, rules=RULES, now=NOW) if n.kind == "reminder"]
    assert [len(n.slots["windows"]) for n in reminders] == [2, 1]
    assert reminders[1].due_at - reminders[0].due_at == timedelta(days=1)
    assert reminders[1].useful_until == next_day.start


def test_unplanned_cut():
    """An unplanned cut has an emergency notice, useful until the expected end, and no reminders."""
    said = document(window(NOW - timedelta(hours=1)))
    assert told(publication(said, "unplanned")) == [("emergency", "scope_untold", NOW, said.end)]


def test_revisions_part_the_audience():
    """Who was told gets the change or, when no longer cut, the cancellation; who was not, an announcement; and reminders."""
    before = publication(document()).after
    later = window(MORNING + timedelta(days=2))
    made = outage.revise(before, document(later), rules=RULES, now=NOW)
    assert [n[:2] for n in told(made)] == [
        ("change", "told_in_scope"),
        ("cancellation", "told_outside_scope"),
        ("announcement", "scope_untold"),
        ("reminder", "scope"),
    ]
    cancellation = notices_of(made, rules=RULES, now=NOW)[1]
    assert cancellation.slots["windows"] == [[MORNING.isoformat(), (MORNING + timedelta(hours=3)).isoformat()]]


def test_windows_over():
    """A revision on the second day tells only the windows that are left."""
    second = window(MORNING + timedelta(days=1))
    before = publication(document(window(MORNING), second)).after
    now = MORNING + timedelta(hours=10)
    longer = window(second.start, hours=5)
    made = outage.revise(before, document(window(MORNING), longer), rules=RULES, now=now)
    change, _, announcement, *_ = notices_of(made, rules=RULES, now=now)
    assert (
        change.slots["windows"] == announcement.slots["windows"] == [[longer.start.isoformat(), longer.end.isoformat()]]
    )
    assert announcement.useful_until == longer.start


def test_cancellation_and_restoration():
    """Both go to those who were told; a restoration is useful for four hours only."""
    published = publication(document()).after
    assert told(outage.cancel(published, now=NOW)) == [("cancellation", "told", NOW, published.document.end)]
    now = MORNING + timedelta(hours=2)
    assert told(outage.restore(published, now=now), now) == [("restoration", "told", now, now + timedelta(hours=4))]


def test_draft_tells_nothing():
    """Nobody hears of a draft's creation, edition or end."""
    draft = drafted(document())
    changes = [
        Change(None, draft, "created"),
        outage.edit(draft, document(window(MORNING, 2)), rules=RULES, now=NOW),
        outage.cancel(draft, now=NOW),
    ]
    assert [(events_of(change), told(change)) for change in changes] == [([], [])] * 3


def test_changes_have_events():
    """Each change has its event, with the next version."""
    first = publication(document())
    second = outage.revise(first.after, document(window(MORNING, 2)), rules=RULES, now=NOW)
    cancelled = outage.cancel(second.after, now=NOW)
    restored = outage.restore(second.after, now=MORNING)
    unplanned = publication(document(window(NOW)), "unplanned")
    seen = [
        (type(e), e.version, e.revision) for c in (first, second, cancelled, restored, unplanned) for e in events_of(c)
    ]
    assert seen == [
        (OutagePlanned, 1, 2),
        (OutageRevised, 2, 3),
        (OutageCancelled, 3, 4),
        (OutageRestored, 3, 4),
        (OutageStarted, 1, 2),
    ]


def test_numbered_parts():
    """Many supply points come in parts of at most 2,000, all of one version, each with the grid elements."""
    points = tuple(f"SP{n:05}" for n in range(4_001))
    parts = events_of(publication(document(points=points)))
    assert [(e.part, e.parts, len(e.scope.supply_point_ids)) for e in parts] == [(1, 3, 2000), (2, 3, 2000), (3, 3, 1)]
    assert {e.version for e in parts} == {1}
    assert all(e.scope.feeder_ids == ("FD1",) for e in parts)
    assert tuple(p for e in parts for p in e.scope.supply_point_ids) == points


def test_notices_share_a_tag():
    """All notices of an outage share a tag, so that a newer one replaces the older on the screen."""
    draft = drafted(document())
    assert tag_of(draft) == f"outage-{draft.outage_id}"
