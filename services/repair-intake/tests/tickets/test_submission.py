"""What becomes of a request for a ticket, and what is published of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import msgspec
import pytest

from gridcare.errors import Conflict, TooManyRequests, Unprocessable
from gridcare.events.outages import Window
from gridcare.events.tickets import TicketAttached, TicketOpened
from gridcare.known_supply_points.core import SupplyPoint
from repair_intake.known_outages.core import CoveringOutage, Margins
from repair_intake.tickets.core.category import CATEGORIES, CategoryName
from repair_intake.tickets.core.submission import (
    SubmitTicket,
    Surroundings,
    TicketCounts,
    TicketRules,
    decide_submission,
)
from repair_intake.tickets.core.ticket import Ticket, event_of, released

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
END = NOW + timedelta(hours=2)
CODE = "PB11010012345"
POINT = SupplyPoint("SP0000000001", CODE, "TR1", "FD1", "SS1", "31117", 1)
CUT = CoveringOutage(UUID(int=7), "bảo trì", "KV 5", (Window(start=NOW - timedelta(hours=1), end=END),))
RULES = TicketRules(Margins(timedelta(minutes=15), timedelta(minutes=30)), 5, 20)
AROUND = Surroundings(POINT, "PB1101", (), TicketCounts(0, 0))
COMMAND = SubmitTicket(
    submitter="somebody",
    customer_codes=frozenset({CODE}),
    supply_point_id=POINT.supply_point_id,
    kind="repair",
    category="no_power",
    description="nhà tôi mất điện",
    client_ref="app-1",
)


def _decide(command: SubmitTicket = COMMAND, around: Surroundings = AROUND) -> Ticket:
    return decide_submission(command, around, RULES, ticket_id=UUID(int=1), reference="T-7K3M9Q", now=NOW)


def test_unexplained_tickets_are_open():
    """A ticket that nothing explains is open, at version 1, with the team of the ward."""
    ticket = _decide()
    assert (ticket.state, ticket.version, ticket.team_id, ticket.explanation) == ("open", 1, "PB1101", None)
    assert (ticket.customer_code, ticket.opened_at, ticket.opened_by) == (CODE, NOW, "somebody")


def test_no_team_is_needed():
    """Where no team works the ward, the ticket is taken without one."""
    assert _decide(around=replace(AROUND, team_id=None)).team_id is None


def test_explained_tickets_are_attached():
    """A ticket that a cut explains is attached, with what the customer is told of it."""
    ticket = _decide(around=replace(AROUND, outages=(CUT,)))
    assert ticket.state == "attached"
    assert ticket.explanation is not None
    assert ticket.explanation.expected_end_at == END


@pytest.mark.parametrize("category", [name for name in get_args(CategoryName) if name != "no_power"])
def test_cuts_explain_missing_power_alone(category: CategoryName):
    """Anything but missing power inside a cut is a fault of its own, and is never attached."""
    command = replace(COMMAND, category=category, kind=CATEGORIES[category].kind)
    assert _decide(command, replace(AROUND, outages=(CUT,))).state == "open"


def test_category_of_another_kind():
    """A category that does not belong to the kind is refused, naming those that do."""
    with pytest.raises(Unprocessable) as refused:
        _decide(replace(COMMAND, kind="installation"))
    assert refused.value.code == "category-not-of-kind"
    assert "meter_relocation" in refused.value.detail


def test_every_category_is_described():
    """Every category has an entry, and every kind has categories."""
    assert set(CATEGORIES) == set(get_args(CategoryName))
    assert {category.kind for category in CATEGORIES.values()} == {"repair", "inspection", "installation"}


def test_danger_is_urgent():
    """Sparks or a fallen line are urgent, and nothing else is."""
    assert [name for name, category in CATEGORIES.items() if category.urgent] == ["sparks_or_fallen_line"]


@pytest.mark.parametrize(
    ("counts", "error", "code"),
    [
        (TicketCounts(5, 0), Conflict, "too-many-open-tickets"),
        (TicketCounts(0, 20), TooManyRequests, "too-many-tickets"),
    ],
)
def test_limits_refuse_the_next(counts: TicketCounts, error: type[Conflict | TooManyRequests], code: str):
    """At the limit of waiting tickets, or of those sent within the hour, the next one is refused."""
    with pytest.raises(error) as refused:
        _decide(around=replace(AROUND, counts=counts))
    assert refused.value.code == code


def test_below_the_limits():
    """One ticket below each limit is taken."""
    assert _decide(around=replace(AROUND, counts=TicketCounts(4, 19))).state == "open"


def test_open_tickets_are_published():
    """An open ticket is published as TicketOpened."""
    event = event_of(_decide())
    assert type(event) is TicketOpened
    assert (event.state, event.outage_id, event.expected_end_at, event.version) == ("open", None, None, 1)
    assert (event.reference, event.team_id, event.category) == ("T-7K3M9Q", "PB1101", "no_power")


def test_attached_tickets_are_published():
    """An attached ticket is published as TicketAttached with the outage and its end, instead of TicketOpened."""
    event = event_of(_decide(around=replace(AROUND, outages=(CUT,))))
    assert type(event) is TicketAttached
    assert (event.state, event.outage_id, event.expected_end_at) == ("attached", CUT.outage_id, END)


def test_released_tickets_are_open():
    """A released ticket is open at the next version, explained by nothing, and published as TicketOpened."""
    ticket = released(_decide(around=replace(AROUND, outages=(CUT,))))
    assert (ticket.state, ticket.version, ticket.explanation) == ("open", 2, None)
    event = event_of(ticket)
    assert type(event) is TicketOpened
    assert (event.version, event.outage_id, event.expected_end_at) == (2, None, None)


def test_descriptions_stay_private():
    """The customer's words are neither in the event nor in the repr of the ticket or the command."""
    ticket = _decide()
    assert "điện" not in msgspec.json.encode(event_of(ticket)).decode()
    assert "điện" not in repr(ticket) + repr(COMMAND)
