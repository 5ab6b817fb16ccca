"""What each step of an outage says to customers and to other services."""

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


def test_a_planned_cut_is_announced_and_reminded_of_on_the_evening_before():
    """The announcement is of use until the start; the reminder comes at 18:00 in Vietnam on the day before."""
    evening = datetime(2026, 11, 29, 11, 0, tzinfo=UTC)
    assert told(publication(document())) == [
        ("announcement", "scope_untold", NOW, MORNING),
        ("reminder", "scope", evening, MORNING),
    ]


def test_there_is_no_reminder_while_the_announcement_is_fresh():
    """Published within twelve hours of the evening before: one message is enough."""
    soon = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert [n[0] for n in told(publication(document(window(soon))))] == ["announcement"]


def test_each_day_with_a_window_has_its_own_reminder():
    """Two windows of one day share a reminder; the next day's has its own, with its own windows."""
    same_day, next_day = window(MORNING + timedelta(hours=5)), window(MORNING + timedelta(days=1))
    made = publication(document(window(MORNING), same_day, next_day))
    reminders = [n for n in notices_of(made, rules=RULES, now=NOW) if n.kind == "reminder"]
    assert [len(n.slots["windows"]) for n in reminders] == [2, 1]
    assert reminders[1].due_at - reminders[0].due_at == timedelta(days=1)
    assert reminders[1].useful_until == next_day.start


def test_an_unplanned_cut_is_an_emergency_until_its_end():
    """No reminders; it is of use until the expected end."""
    said = document(window(NOW - timedelta(hours=1)))
    assert told(publication(said, "unplanned")) == [("emergency", "scope_untold", NOW, said.end)]


def test_a_revision_parts_the_people():
    """Told and still cut: change; told and no longer cut: cancellation; untold: announcement; and new reminders."""
    found = publication(document()).after
    later = window(MORNING + timedelta(days=2))
    made = outage.revise(found, document(later), rules=RULES, now=NOW)
    assert [n[:2] for n in told(made)] == [
        ("change", "told_in_scope"),
        ("cancellation", "told_outside_scope"),
        ("announcement", "scope_untold"),
        ("reminder", "scope"),
    ]
    cancellation = notices_of(made, rules=RULES, now=NOW)[1]
    assert cancellation.slots["windows"] == [[MORNING.isoformat(), (MORNING + timedelta(hours=3)).isoformat()]]


def test_windows_that_are_over_are_not_told_again():
    """A revision on the second day speaks of what is left."""
    second = window(MORNING + timedelta(days=1))
    found = publication(document(window(MORNING), second)).after
    now = MORNING + timedelta(hours=10)
    longer = window(second.start, hours=5)
    made = outage.revise(found, document(window(MORNING), longer), rules=RULES, now=now)
    change, _, announcement, *_ = notices_of(made, rules=RULES, now=now)
    assert (
        change.slots["windows"] == announcement.slots["windows"] == [[longer.start.isoformat(), longer.end.isoformat()]]
    )
    assert announcement.useful_until == longer.start


def test_a_cancellation_and_a_restoration_go_to_those_who_were_told():
    """The restoration is of use for some hours only."""
    found = publication(document()).after
    assert told(outage.cancel(found, now=NOW)) == [("cancellation", "told", NOW, found.document.end)]
    now = MORNING + timedelta(hours=2)
    assert told(outage.restore(found, now=now), now) == [("restoration", "told", now, now + timedelta(hours=4))]


def test_a_draft_says_nothing():
    """Neither its creation nor its edition nor its end is heard of."""
    found = drafted(document())
    steps = [
        Change(None, found, "created"),
        outage.edit(found, document(window(MORNING, 2)), rules=RULES, now=NOW),
        outage.cancel(found, now=NOW),
    ]
    assert [(events_of(step), told(step)) for step in steps] == [([], [])] * 3


def test_each_step_has_its_event_with_the_next_version():
    """Other services see versions 1, 2, 3."""
    first = publication(document())
    second = outage.revise(first.after, document(window(MORNING, 2)), rules=RULES, now=NOW)
    cancelled = outage.cancel(second.after, now=NOW)
    restored = outage.restore(second.after, now=MORNING)
    unplanned = publication(document(window(NOW)), "unplanned")
    seen = [
        (type(e), e.version, e.revision) for s in (first, second, cancelled, restored, unplanned) for e in events_of(s)
    ]
    assert seen == [
        (OutagePlanned, 1, 2),
        (OutageRevised, 2, 3),
        (OutageCancelled, 3, 4),
        (OutageRestored, 3, 4),
        (OutageStarted, 1, 2),
    ]


def test_a_long_list_of_supply_points_comes_in_numbered_parts():
    """At most 2,000 a part, all of one version, each with the grid elements."""
    points = tuple(f"SP{n:05}" for n in range(4_001))
    parts = events_of(publication(document(points=points)))
    assert [(e.part, e.parts, len(e.scope.supply_point_ids)) for e in parts] == [(1, 3, 2000), (2, 3, 2000), (3, 3, 1)]
    assert {e.version for e in parts} == {1}
    assert all(e.scope.feeder_ids == ("FD1",) for e in parts)
    assert tuple(p for e in parts for p in e.scope.supply_point_ids) == points


def test_all_notices_of_an_outage_share_a_tag():
    """A newer one replaces the older on the screen."""
    found = drafted(document())
    assert tag_of(found) == f"outage-{found.outage_id}"
