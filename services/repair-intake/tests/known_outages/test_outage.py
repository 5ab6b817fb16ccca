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
from repair_intake.known_outages.core import CoveringOutage, Margins, Progress, Step, explain, next_step

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
def test_margins(now: datetime, *, explained: bool):
    """A cut explains from 15 minutes before its start to 30 minutes after its expected end, both included."""
    assert (explain([_outage((START, END))], MARGINS, now) is not None) is explained


def test_tomorrow():
    """Tomorrow's cut explains nothing tonight."""
    tonight = datetime(2026, 11, 29, 14, 0, tzinfo=UTC)
    assert explain([_outage((START, END))], MARGINS, tonight) is None


def test_no_outage():
    """Where nothing is cut nothing is explained."""
    assert explain([], MARGINS, START) is None


def test_between_windows():
    """Between the windows of one outage the power is on: nothing is explained."""
    later = timedelta(days=1)
    outage = _outage((START, END), (START + later, END + later))
    assert explain([outage], MARGINS, END + timedelta(hours=3)) is None


def test_each_window_has_its_own_end():
    """The expected end that is told is that of the window under way, not of the outage's last one."""
    later = timedelta(days=1)
    told = explain([_outage((START, END), (START + later, END + later))], MARGINS, START)
    assert told is not None
    assert told.expected_end_at == END


def test_the_last_to_end_is_told():
    """Of two outages at once the one that ends last is told: the power is not back before."""
    longer = _outage((START, END + timedelta(hours=2)), outage_id=SECOND)
    for known in ([_outage((START, END)), longer], [longer, _outage((START, END))]):
        told = explain(known, MARGINS, START)
        assert told is not None
        assert (told.outage_id, told.cause, told.place) == (SECOND, "bảo trì", "KV 5")
        assert told.expected_end_at == END + timedelta(hours=2)


def test_margins_are_settings():
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
    ("known", "event", "step"),
    [
        (None, _event(OutagePlanned, 1), Step.REPLACE),
        (None, _event(OutagePlanned, 1, part=2), Step.REPLACE),
        (None, _event(OutageCancelled, 2), Step.END),
        (Progress(1, ended=False), _event(OutagePlanned, 1), Step.ADD_PART),
        (Progress(1, ended=False), _event(OutagePlanned, 1, part=3), Step.ADD_PART),
        (Progress(1, ended=False), _event(OutageRevised, 2), Step.REPLACE),
        (Progress(2, ended=False), _event(OutageRevised, 1), Step.IGNORE),
        (Progress(2, ended=False), _event(OutageStarted, 3), Step.REPLACE),
        (Progress(3, ended=False), _event(OutageEvent, 4), Step.REPLACE),
        (Progress(4, ended=False), _event(OutageRestored, 5), Step.END),
        (Progress(4, ended=False), _event(OutageCancelled, 5), Step.END),
        (Progress(5, ended=True), _event(OutageCancelled, 5, part=2), Step.IGNORE),
        (Progress(5, ended=True), _event(OutageRestored, 4), Step.IGNORE),
        (Progress(5, ended=True), _event(OutageStarted, 4), Step.IGNORE),
        (Progress(5, ended=True), _event(OutageRevised, 6), Step.REPLACE),
    ],
)
def test_steps(known: Progress | None, event: OutageEvent, step: Step):
    """A version that was passed is ignored, a newer one replaces, a part adds, cancelled and restored end."""
    assert next_step(known, event) is step
