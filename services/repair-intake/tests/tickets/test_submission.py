"""What becomes of a request for a ticket, and what is published of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import msgspec
import pytest
from repair_intake.known_supply_points.core import SupplyPoint

from gridcare.errors import Conflict, TooManyRequests, Unprocessable
from gridcare.events.outages import Window
from gridcare.events.tickets import TicketAttached, TicketOpened
from repair_intake.known_outages.core import CoveringOutage, Margins
from repair_intake.tickets.core.category import CATEGORIES, CategoryName
from repair_intake.tickets.core.submission import Load, Rules, Submission, Surroundings, decide_submission
from repair_intake.tickets.core.ticket import Ticket, event_of, released

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
END = NOW + timedelta(hours=2)
CODE = "PB11010012345"
POINT = SupplyPoint("SP0000000001", CODE, "TR1", "FD1", "31117", 1)
CUT = CoveringOutage(UUID(int=7), "bảo trì", "KV 5", (Window(start=NOW - timedelta(hours=1), end=END),))
RULES = Rules(Margins(timedelta(minutes=15), timedelta(minutes=30)), 5, 20)
AROUND = Surroundings(POINT, "PB1101", (), Load(0, 0))
ASKED = Submission(
    ticket_id=UUID(int=1),
    sender="somebody",
    customer_codes=frozenset({CODE}),
    supply_point_id=POINT.supply_point_id,
    kind="repair",
    category="no_power",
    description="nhà tôi mất điện",
    client_ref="app-1",
)


def _decide(asked: Submission = ASKED, around: Surroundings = AROUND) -> Ticket:
    return decide_submission(asked, around, RULES, reference="T-7K3M9Q", now=NOW)


def test_open():
    """A request that nothing explains is open, at version 1, with the team of the ward."""
    ticket = _decide()
    assert (ticket.state, ticket.version, ticket.team_id, ticket.explanation) == ("open", 1, "PB1101", None)
    assert (ticket.customer_code, ticket.opened_at, ticket.opened_by) == (CODE, NOW, "somebody")


def test_no_team():
    """Where no team works the ward the ticket is taken all the same, without one."""
    assert _decide(around=replace(AROUND, team_id=None)).team_id is None


def test_attached():
    """A cut that explains the missing power attaches the ticket and says why, where and until when."""
    ticket = _decide(around=replace(AROUND, outages=(CUT,)))
    assert ticket.state == "attached"
    assert ticket.explanation is not None
    assert ticket.explanation.expected_end_at == END


@pytest.mark.parametrize("category", [name for name in get_args(CategoryName) if name != "no_power"])
def test_only_missing_power_is_explained(category: CategoryName):
    """A fallen line, a low voltage or a meter inside a cut is a fault of its own: never attached."""
    asked = replace(ASKED, category=category, kind=CATEGORIES[category].kind)
    assert _decide(asked, replace(AROUND, outages=(CUT,))).state == "open"


def test_category_of_another_kind():
    """A category belongs to one kind; with another it is refused, with those that belong."""
    with pytest.raises(Unprocessable) as refused:
        _decide(replace(ASKED, kind="installation"))
    assert refused.value.code == "category-not-of-kind"
    assert "meter_relocation" in refused.value.detail


def test_every_category_is_described():
    """The closed list and its entries are the same, and each kind has some."""
    assert set(CATEGORIES) == set(get_args(CategoryName))
    assert {category.kind for category in CATEGORIES.values()} == {"repair", "inspection", "installation"}


def test_danger_is_urgent():
    """Sparks or a fallen line are urgent, and nothing else is."""
    assert [name for name, category in CATEGORIES.items() if category.urgent] == ["sparks_or_fallen_line"]


@pytest.mark.parametrize(
    ("load", "error", "code"),
    [(Load(5, 0), Conflict, "too-many-open-tickets"), (Load(0, 20), TooManyRequests, "too-many-tickets")],
)
def test_limits(load: Load, error: type[Conflict | TooManyRequests], code: str):
    """As many tickets as the limit says, waiting or sent within the hour, and the next one is refused."""
    with pytest.raises(error) as refused:
        _decide(around=replace(AROUND, load=load))
    assert refused.value.code == code


def test_below_the_limits():
    """One below each limit is taken."""
    assert _decide(around=replace(AROUND, load=Load(4, 19))).state == "open"


def test_opened_is_published():
    """An open ticket is published as TicketOpened, and as nothing else."""
    event = event_of(_decide())
    assert type(event) is TicketOpened
    assert (event.state, event.outage_id, event.expected_end_at, event.version) == ("open", None, None, 1)
    assert (event.reference, event.team_id, event.category) == ("T-7K3M9Q", "PB1101", "no_power")


def test_attached_is_published():
    """An attached ticket is published as TicketAttached with the outage and its end, instead of TicketOpened."""
    event = event_of(_decide(around=replace(AROUND, outages=(CUT,))))
    assert type(event) is TicketAttached
    assert (event.state, event.outage_id, event.expected_end_at) == ("attached", CUT.outage_id, END)


def test_released():
    """A ticket whose outage was called off is open at the next version, explained by nothing, and published so."""
    ticket = released(_decide(around=replace(AROUND, outages=(CUT,))))
    assert (ticket.state, ticket.version, ticket.explanation) == ("open", 2, None)
    event = event_of(ticket)
    assert type(event) is TicketOpened
    assert (event.version, event.outage_id, event.expected_end_at) == (2, None, None)


def test_description_stays():
    """The customer's words are neither in the event nor in the repr of the ticket or the request."""
    ticket = _decide()
    assert "điện" not in msgspec.json.encode(event_of(ticket)).decode()
    assert "điện" not in repr(ticket) + repr(ASKED)
