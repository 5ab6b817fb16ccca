"""Which outage explains a ticket, and what an outage's events do to what is known of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gridcare.events.outages import (
    OutageCancelled,
    OutageEvent,
    OutagePlanned,
    OutageRestored,
    OutageRevised,
    OutageStarted,
    Scope,
    Window,
)
from repair_intake.known_outages.core import CoveringOutage, Effect, Margins, Progress, effect_of, explain

START = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
END = datetime(2026, 11, 30, 4, 30, tzinfo=UTC)
MARGINS = Margins(before=timedelta(minutes=15), after=timedelta(minutes=30))
MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)
FIRST, SECOND = UUID(int=1), UUID(int=2)


def _outage(*windows: tuple[datetime, datetime], outage_id: UUID = FIRST) -> CoveringOutage:
    return CoveringOutage(outage_id, "bảo trì", "KV 5", tuple(Window(start=start, end=end) for start, end in windows))


@pytest.mark.parametrize(
    ("now", "explained"),
    [
        (START - timedelta(days=1), False),
        (START - 15 * MINUTE - INSTANT, False),
        (START - 15 * MINUTE, True),
        (START, True),
        (START + MINUTE, True),
        (END, True),
        (END + 30 * MINUTE, True),
        (END + 30 * MINUTE + INSTANT, False),
        (END + timedelta(days=1), False),
    ],
)
def test_margins_are_inclusive(now: datetime, *, explained: bool):
    """A cut explains from 15 minutes before its start to 30 minutes after its expected end, both included."""
    assert (explain([_outage((START, END))], MARGINS, now) is not None) is explained


def test_tomorrow_explains_nothing_tonight():
    """Tomorrow's cut explains nothing tonight."""
    tonight = datetime(2026, 11, 29, 14, 0, tzinfo=UTC)
    assert explain([_outage((START, END))], MARGINS, tonight) is None


def test_no_outage_explains_nothing():
    """Where nothing is cut, nothing is explained."""
    assert explain([], MARGINS, START) is None


def test_nothing_explains_between_windows():
    """Between the windows of one outage the power is on, so nothing is explained."""
    later = timedelta(days=1)
    outage = _outage((START, END), (START + later, END + later))
    assert explain([outage], MARGINS, END + timedelta(hours=3)) is None


def test_the_current_window_is_told():
    """The customer is told the end of the window under way, not of the outage's last one."""
    later = timedelta(days=1)
    explanation = explain([_outage((START, END), (START + later, END + later))], MARGINS, START)
    assert explanation is not None
    assert explanation.expected_end_at == END


def test_the_last_end_is_told():
    """Of two outages at once the customer is told the one that ends last: the power is not back before."""
    longer = _outage((START, END + timedelta(hours=2)), outage_id=SECOND)
    for known in ([_outage((START, END)), longer], [longer, _outage((START, END))]):
        explanation = explain(known, MARGINS, START)
        assert explanation is not None
        assert (explanation.outage_id, explanation.cause, explanation.place) == (SECOND, "bảo trì", "KV 5")
        assert explanation.expected_end_at == END + timedelta(hours=2)


def test_margins_may_differ():
    """Other margins explain other times."""
    none = Margins(before=timedelta(), after=timedelta())
    assert explain([_outage((START, END))], none, START - INSTANT) is None
    assert explain([_outage((START, END))], none, END + INSTANT) is None


def _event(kind: type[OutageEvent], version: int, part: int = 1) -> OutageEvent:
    return kind(
        version=version,
        outage_id=FIRST,
        kind="planned",
        revision=1,
        cause="bảo trì",
        place="KV 5",
        windows=(Window(start=START, end=END),),
        scope=Scope(),
        part=part,
        parts=3,
    )


@pytest.mark.parametrize(
    ("known", "event", "effect"),
    [
        (None, _event(OutagePlanned, 1), Effect.REPLACE),
        (None, _event(OutagePlanned, 1, part=2), Effect.REPLACE),
        (None, _event(OutageCancelled, 2), Effect.END),
        (Progress(1, ended=False), _event(OutagePlanned, 1), Effect.ADD_PART),
        (Progress(1, ended=False), _event(OutagePlanned, 1, part=3), Effect.ADD_PART),
        (Progress(1, ended=False), _event(OutageRevised, 2), Effect.REPLACE),
        (Progress(2, ended=False), _event(OutageRevised, 1), Effect.NONE),
        (Progress(2, ended=False), _event(OutageStarted, 3), Effect.REPLACE),
        (Progress(3, ended=False), _event(OutageEvent, 4), Effect.REPLACE),
        (Progress(4, ended=False), _event(OutageRestored, 5), Effect.END),
        (Progress(4, ended=False), _event(OutageCancelled, 5), Effect.END),
        (Progress(5, ended=True), _event(OutageCancelled, 5, part=2), Effect.NONE),
        (Progress(5, ended=True), _event(OutageRestored, 4), Effect.NONE),
        (Progress(5, ended=True), _event(OutageStarted, 4), Effect.NONE),
        (Progress(5, ended=True), _event(OutageRevised, 6), Effect.REPLACE),
    ],
)
def test_effects_of_events(known: Progress | None, event: OutageEvent, effect: Effect):
    """A passed version is ignored, a newer one replaces, a part adds, a cancellation or restoration ends."""
    assert effect_of(event, known) is effect
