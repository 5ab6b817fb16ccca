"""What is told about a change of an outage: events to other services, notices to customers."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from gridcare.events.outages import (
    SUPPLY_POINTS_PER_PART_MAX,
    OutageCancelled,
    OutageEvent,
    OutagePlanned,
    OutageRestored,
    OutageRevised,
    OutageStarted,
    Scope,
    Window,
)
from gridcare.values.clock import VIETNAM
from outage_notifier.ledger.core.notice import Intent, NewNotice
from outage_notifier.outages.core.outage import Action, Change, Outage, OutageDocument
from outage_notifier.outages.core.rules import OutageRules

_EVENTS: Final[Mapping[Action, type[OutageEvent]]] = {
    "published": OutagePlanned,
    "revised": OutageRevised,
    "cancelled": OutageCancelled,
    "restored": OutageRestored,
}


def tag_of(outage: Outage) -> str:
    """Return the tag that all notices of an outage share: on a screen the newest replaces the others."""
    return f"outage-{outage.outage_id}"


def events_of(change: Change) -> list[OutageEvent]:
    """Return the events of a change: several numbered parts of one version where it names many supply points.

    An unplanned cut begins with OutageStarted: the power is off already.
    """
    if not change.published or change.action not in _EVENTS:
        return []
    outage = change.after
    event = _EVENTS[change.action]
    if outage.kind == "unplanned" and change.action == "published":
        event = OutageStarted
    scopes = list(_parts(outage.document.scope))
    return [
        event(
            version=outage.version,
            outage_id=outage.outage_id,
            kind=outage.kind,
            revision=outage.revision,
            cause=outage.document.cause,
            place=outage.document.place,
            windows=outage.document.windows,
            scope=scope,
            part=number,
            parts=len(scopes),
        )
        for number, scope in enumerate(scopes, start=1)
    ]


def notices_of(change: Change, *, rules: OutageRules, now: datetime) -> list[Intent]:
    """Return the notices of a change; they supersede all older ones of the outage.

    The change goes to those already told who are still affected, the cancellation to those told who are no longer affected,
    and a fresh announcement to those not told yet.
    """
    if not change.published or change.before is None:
        return []
    old, new = change.before.document, change.after.document
    if change.action == "cancelled":
        return [Intent("cancellation", "told", now, old.end, slots_of(old))]
    if change.action == "restored":
        return [Intent("restoration", "told", now, now + rules.restoration_useful, slots_of(new))]
    first = _fresh(change.after, now)
    later = _reminders(change.after, rules, now)
    if change.action == "published":
        return [first, *later]
    coming = _coming(new, now)
    told = [
        Intent("change", "told_in_scope", now, new.end, slots_of(new, coming)),
        Intent("cancellation", "told_outside_scope", now, max(old.end, new.end), slots_of(old, _coming(old, now))),
    ]
    return [*told, first, *later]


def scheduled_notices(outage: Outage, intents: Sequence[Intent], notice_ids: Sequence[UUID]) -> list[NewNotice]:
    """Return notices of an outage's newest revision, one for each intent, with these ids."""
    return [
        NewNotice(
            notice_id=notice_id, intent=intent, tag=tag_of(outage), outage_id=outage.outage_id, revision=outage.revision
        )
        for notice_id, intent in zip(notice_ids, intents, strict=True)
    ]


def slots_of(document: OutageDocument, windows: tuple[Window, ...] = ()) -> dict[str, Any]:
    """Return what an outage's templates are filled with: place, reason, start and expected end.

    These four are what Circular 22/2020/TT-BCT, Article 4, demands of a notice.
    """
    return {
        "place": document.place,
        "place_by_language": dict(document.place_by_language),
        "cause": document.cause,
        "cause_by_language": dict(document.cause_by_language),
        "windows": [[w.start.isoformat(), w.end.isoformat()] for w in _in_order(windows or document.windows)],
    }


def _fresh(outage: Outage, now: datetime) -> Intent:
    """Return the notice to those who have not heard of the outage yet."""
    document = outage.document
    slots = slots_of(document, _coming(document, now))
    if outage.kind == "unplanned":
        return Intent("emergency", "scope_untold", now, document.end, slots)
    starts = [window.start for window in document.windows if window.start > now]
    return Intent("announcement", "scope_untold", now, min(starts, default=document.end), slots)


def _reminders(outage: Outage, rules: OutageRules, now: datetime) -> Iterator[Intent]:
    """Yield a reminder for the evening before each day with a window, unless the announcement is still fresh then."""
    if outage.kind == "unplanned":
        return
    by_day: dict[datetime, list[Window]] = {}
    for window in _in_order(_coming(outage.document, now)):
        local = window.start.astimezone(VIETNAM)
        evening = datetime.combine(local.date() - timedelta(days=1), rules.reminder_at, VIETNAM)
        by_day.setdefault(evening, []).append(window)
    for evening, windows in by_day.items():
        if evening > now + rules.reminder_gap:
            yield Intent("reminder", "scope", evening, windows[0].start, slots_of(outage.document, tuple(windows)))


def _coming(document: OutageDocument, now: datetime) -> tuple[Window, ...]:
    """Return the windows that are not over, or all of them if all are over."""
    return tuple(window for window in document.windows if window.end > now) or document.windows


def _in_order(windows: tuple[Window, ...]) -> list[Window]:
    return sorted(windows, key=lambda window: window.start)


def _parts(scope: Scope) -> Iterator[Scope]:
    points = scope.supply_point_ids
    for start in range(0, max(1, len(points)), SUPPLY_POINTS_PER_PART_MAX):
        yield Scope(
            feeder_ids=scope.feeder_ids,
            transformer_ids=scope.transformer_ids,
            ward_codes=scope.ward_codes,
            supply_point_ids=points[start : start + SUPPLY_POINTS_PER_PART_MAX],
        )
