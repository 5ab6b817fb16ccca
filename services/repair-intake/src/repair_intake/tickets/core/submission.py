"""What becomes of a request for a ticket."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gridcare.errors import Conflict, TooManyRequests
from gridcare.events.tickets import TicketKind
from gridcare.known_supply_points.core import SupplyPoint
from repair_intake.known_outages.core import CoveringOutage, Margins, explain
from repair_intake.tickets.core.category import CategoryName, category_of
from repair_intake.tickets.core.ticket import Ticket

RETRY_AFTER_S = 600
"""When the submitter of too many tickets may try again: by then some of them are more than an hour old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitTicket:
    """The request as it came; `customer_codes` are those that the submitter holds. `description` is personal data."""

    submitter: str
    customer_codes: frozenset[str]
    supply_point_id: str
    kind: TicketKind
    category: CategoryName
    description: str = field(repr=False)
    client_ref: str | None


@dataclass(frozen=True, slots=True)
class TicketCounts:
    """How many tickets of the same urgency there are already."""

    waiting: int
    """Of the supply point: neither done nor attached to an outage that is over."""
    sent_lately: int
    """By the submitter, within the last hour."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the supply point when the request comes. `team_id` is None where no team works its ward."""

    supply_point: SupplyPoint
    team_id: str | None
    outages: tuple[CoveringOutage, ...]
    counts: TicketCounts


@dataclass(frozen=True, slots=True)
class TicketRules:
    """What ops may change: settings, not code."""

    margins: Margins
    waiting_per_supply_point_max: int
    sent_per_hour_max: int


def decide_submission(
    command: SubmitTicket,
    around: Surroundings,
    rules: TicketRules,
    *,
    ticket_id: UUID,
    reference: str,
    now: datetime,
) -> Ticket:
    """Accept a request, attached to the outage that explains it where there is one.

    Raises Unprocessable `category-not-of-kind`, Conflict `too-many-open-tickets`, TooManyRequests `too-many-tickets`.
    """
    category = category_of(command.kind, command.category)
    if around.counts.waiting >= rules.waiting_per_supply_point_max:
        raise Conflict("too-many-open-tickets", "too many tickets of this supply point are already waiting for work")
    if around.counts.sent_lately >= rules.sent_per_hour_max:
        raise TooManyRequests(
            "too-many-tickets", "too many tickets within an hour", headers={"Retry-After": str(RETRY_AFTER_S)}
        )
    explanation = explain(around.outages, rules.margins, now) if category.cut_explains else None
    return Ticket(
        ticket_id=ticket_id,
        reference=reference,
        version=1,
        state="attached" if explanation else "open",
        customer_code=around.supply_point.customer_code,
        supply_point_id=around.supply_point.supply_point_id,
        kind=command.kind,
        category=command.category,
        urgent=category.urgent,
        description=command.description,
        client_ref=command.client_ref,
        team_id=around.team_id,
        explanation=explanation,
        opened_at=now,
        opened_by=command.submitter,
    )
