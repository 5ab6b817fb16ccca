"""Deliveries as the app lists them to the customers whom they are for."""

from collections.abc import Collection

import msgspec

from gridcare.postgres.database import Connection, Row
from outage_notifier.inbox.core import Message
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.delivery_id import DeliveryId

# A covered delivery is left out where the caller also has the one that covers it. A superseded one is always left out:
# nobody was sent it, and what it says no longer holds.
_PAGE = """
SELECT d.notice_id, d.number, d.recipient_id, c.language, d.state, n.kind, n.template, n.slots, n.outage_id, n.due_at
FROM delivery d JOIN notice n USING (notice_id) LEFT JOIN customer c ON c.customer_code = d.recipient_id
WHERE d.recipient_id = ANY($1::text[]) AND d.state <> 'superseded'
  AND NOT (d.state = 'covered' AND d.covered_by = ANY($1::text[]))
  AND ($2::uuid IS NULL
       OR (n.due_at, d.notice_id, d.number) < ((SELECT b.due_at FROM notice b WHERE b.notice_id = $2), $2, $3::int))
ORDER BY n.due_at DESC, d.notice_id DESC, d.number DESC LIMIT $4
"""


async def page(
    connection: Connection, customer_codes: Collection[str], *, before: DeliveryId | None, limit: int
) -> list[Message]:
    """Return deliveries to these customers, the newest first, starting after `before`."""
    position = (before.notice_id, before.number) if before else (None, None)
    rows = await connection.fetch(_PAGE, list(customer_codes), *position, limit)
    return [_message(row) for row in rows]


def _message(row: Row) -> Message:
    return Message(
        delivery_id=DeliveryId(row["notice_id"], row["number"]),
        customer_code=row["recipient_id"],
        language=row["language"],
        state=State(row["state"]),
        kind=row["kind"],
        template=row["template"],
        slots=msgspec.json.decode(row["slots"]),
        outage_id=row["outage_id"],
        due_at=row["due_at"],
    )
