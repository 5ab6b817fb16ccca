"""Table `ticket`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from gridcare.postgres.database import Connection
from repair_intake.known_outages.core import Explanation
from repair_intake.tickets.core.submission import Load
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
_PAGE = f"""
SELECT {_COLUMNS} FROM ticket
WHERE customer_code = ANY($1::text[]) AND ($2::uuid IS NULL OR ticket_id < $2)
ORDER BY ticket_id DESC LIMIT $3
"""
_ATTACHED_TO = (
    f"SELECT {_COLUMNS} FROM ticket WHERE outage_id = $1 AND state = 'attached' ORDER BY ticket_id FOR UPDATE"
)
_DETACH = """
UPDATE ticket SET state = change.state, version = change.version,
    outage_id = NULL, outage_cause = NULL, outage_place = NULL, expected_end_at = NULL
FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS change (ticket_id, state, version)
WHERE ticket.ticket_id = change.ticket_id
"""
_LOAD = """
SELECT
    (SELECT count(*) FROM ticket
     WHERE supply_point_id = $1 AND urgent = $2 AND state NOT IN ('closed', 'cancelled')
     AND (state <> 'attached' OR expected_end_at > $3)) AS waiting,
    (SELECT count(*) FROM ticket WHERE opened_by = $4 AND urgent = $2 AND opened_at > $5) AS sent_lately
"""


async def add(tx: Connection, ticket: Ticket) -> bool:
    """Save a new ticket; false when its reference is taken."""
    told = ticket.explanation
    tag: str = await tx.execute(
        _ADD,
        *(ticket.ticket_id, ticket.reference, ticket.version, ticket.state),
        *(ticket.customer_code, ticket.supply_point_id, ticket.kind, ticket.category, ticket.urgent),
        *(ticket.description, ticket.client_ref, ticket.team_id, ticket.opened_at, ticket.opened_by),
        *((told.outage_id, told.cause, told.place, told.expected_end_at) if told else (None, None, None, None)),
    )
    return tag == "INSERT 0 1"


async def find(connection: Connection, ticket_id: UUID) -> Ticket | None:
    """Find a ticket, whoever's it is."""
    row = await connection.fetchrow(_FIND, ticket_id)
    return _ticket(row) if row else None


async def page(
    connection: Connection, customer_codes: Sequence[str], *, before: UUID | None, limit: int
) -> list[Ticket]:
    """List tickets of these customers, newest first (a UUIDv7 tells its time), from after `before` on."""
    return [_ticket(row) for row in await connection.fetch(_PAGE, customer_codes, before, limit)]


async def attached_to(tx: Connection, outage_id: UUID) -> list[Ticket]:
    """Find the tickets that are attached to an outage, and hold them."""
    return [_ticket(row) for row in await tx.fetch(_ATTACHED_TO, outage_id)]


async def detach(tx: Connection, tickets: Sequence[Ticket]) -> None:
    """Save state and version of tickets that are attached no more."""
    await tx.execute(
        _DETACH,
        [each.ticket_id for each in tickets],
        [each.state for each in tickets],
        [each.version for each in tickets],
    )


async def load(
    tx: Connection, *, supply_point_id: str, sender: str, urgent: bool, outage_over: datetime, since: datetime
) -> Load:
    """Count what waits and what was sent; attached tickets whose outage was to end by `outage_over` wait no more."""
    row = await tx.fetchrow(_LOAD, supply_point_id, urgent, outage_over, sender, since)
    return Load(row["waiting"], row["sent_lately"]) if row else Load(0, 0)


def _ticket(row: Any) -> Ticket:
    values = dict(row)
    told = [values.pop(name) for name in ("outage_id", "outage_cause", "outage_place", "expected_end_at")]
    return Ticket(**values, explanation=None if told[0] is None else Explanation(*told))
