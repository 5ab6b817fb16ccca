"""Table `ticket`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from gridcare.events.tickets import TicketState
from gridcare.postgres.database import Connection, Row
from repair_intake.known_outages.core import Explanation
from repair_intake.tickets.core.submission import TicketCounts
from repair_intake.tickets.core.ticket import Ticket

_COLUMNS = """
ticket_id, reference, version, state, customer_code, supply_point_id, kind, category, urgent, description, client_ref,
team_id, opened_at, opened_by, outage_id, outage_cause, outage_place, expected_end_at
"""
_ADD = f"""
INSERT INTO ticket ({_COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
ON CONFLICT (reference) DO NOTHING
"""
_FIND = f"SELECT {_COLUMNS} FROM ticket WHERE ticket_id = $1"
_HOLD_NAME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_NAMED = f"""
SELECT {_COLUMNS} FROM ticket WHERE customer_code = $1 AND client_ref = $2 AND NOT repeats_client_ref
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM ticket
WHERE customer_code = ANY($1::text[]) AND ($2::text[] = '{{}}' OR state = ANY($2)) AND ($3::uuid IS NULL OR ticket_id < $3)
ORDER BY ticket_id DESC LIMIT $4
"""
_ATTACHED_TO = (
    f"SELECT {_COLUMNS} FROM ticket WHERE outage_id = $1 AND state = 'attached' ORDER BY ticket_id FOR UPDATE"
)
_EXPLAINING = "SELECT DISTINCT outage_id FROM ticket WHERE state = 'attached'"
_DETACH = """
UPDATE ticket SET state = change.state, version = change.version,
    outage_id = NULL, outage_cause = NULL, outage_place = NULL, expected_end_at = NULL
FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS change (ticket_id, state, version)
WHERE ticket.ticket_id = change.ticket_id
"""
_COUNT = """
SELECT
    (SELECT count(*) FROM ticket
     WHERE supply_point_id = $1 AND urgent = $2 AND state NOT IN ('closed', 'cancelled')
     AND (state <> 'attached' OR expected_end_at > $3)) AS waiting,
    (SELECT count(*) FROM ticket WHERE opened_by = $4 AND urgent = $2 AND opened_at > $5) AS sent_lately
"""


async def add(tx: Connection, ticket: Ticket) -> bool:
    """Save a new ticket. Return False when its reference is taken."""
    explanation = ticket.explanation
    tag: str = await tx.execute(
        _ADD,
        *(ticket.ticket_id, ticket.reference, ticket.version, ticket.state),
        *(ticket.customer_code, ticket.supply_point_id, ticket.kind, ticket.category, ticket.urgent),
        *(ticket.description, ticket.client_ref, ticket.team_id, ticket.opened_at, ticket.opened_by),
        *(
            (explanation.outage_id, explanation.cause, explanation.place, explanation.expected_end_at)
            if explanation
            else (None, None, None, None)
        ),
    )
    return tag == "INSERT 0 1"


async def find(connection: Connection, ticket_id: UUID) -> Ticket | None:
    """Return a ticket of any customer, or None."""
    row = await connection.fetchrow(_FIND, ticket_id)
    return _ticket(row) if row else None


async def named(tx: Connection, customer_code: str, client_ref: str) -> Ticket | None:
    """Return the customer's ticket that the app names so, or None: then nobody else gives that name meanwhile."""
    await tx.execute(_HOLD_NAME, f"client-ref {customer_code} {client_ref}")
    row = await tx.fetchrow(_NAMED, customer_code, client_ref)
    return _ticket(row) if row else None


async def page(
    connection: Connection,
    customer_codes: Sequence[str],
    *,
    states: Collection[TicketState],
    before: UUID | None,
    limit: int,
) -> list[Ticket]:
    """Return tickets of these customers that are older than `before`, newest first: a UUIDv7 holds its time.

    Of all states where `states` names none. A customer's tickets are few: no index knows their states.
    """
    return [_ticket(row) for row in await connection.fetch(_PAGE, customer_codes, list(states), before, limit)]


async def attached_to(tx: Connection, outage_id: UUID) -> list[Ticket]:
    """Return the tickets that are attached to an outage, and hold them."""
    return [_ticket(row) for row in await tx.fetch(_ATTACHED_TO, outage_id)]


async def explaining(connection: Connection) -> list[UUID]:
    """Return the outages that tickets are attached to."""
    return [row["outage_id"] for row in await connection.fetch(_EXPLAINING)]


async def detach(tx: Connection, tickets: Sequence[Ticket]) -> None:
    """Save state and version of tickets that are no longer attached."""
    await tx.execute(
        _DETACH,
        [each.ticket_id for each in tickets],
        [each.state for each in tickets],
        [each.version for each in tickets],
    )


async def count(
    tx: Connection, *, supply_point_id: str, submitter: str, urgent: bool, outage_over: datetime, since: datetime
) -> TicketCounts:
    """Count the supply point's waiting tickets and those that the submitter opened after `since`.

    An attached ticket waits no more when its outage was expected to end by `outage_over`.
    """
    row = await tx.fetchrow(_COUNT, supply_point_id, urgent, outage_over, submitter, since)
    return TicketCounts(**row) if row else TicketCounts(0, 0)


def _ticket(row: Row) -> Ticket:
    columns = dict(row)
    outage_id, cause, place, expected_end_at = (
        columns.pop(name) for name in ("outage_id", "outage_cause", "outage_place", "expected_end_at")
    )
    explanation = Explanation(outage_id, cause, place, expected_end_at) if outage_id else None
    return Ticket(**columns, explanation=explanation)
