"""Deliveries as the app lists them to the customers whom they are for."""

from collections.abc import Collection
from typing import Any

import msgspec

from gridcare.postgres.database import Connection
from outage_notifier.inbox.core import Message
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.ledger.core.notice import Content

# A covered delivery is left out where the caller has the one that covers it, and a superseded one always: it was never
# told, and what it says is no longer so.
_PAGE = """
SELECT d.number, d.recipient_id AS customer_code, c.language, d.state, n.due_at, n.notice_id, n.outage_id, n.revision,
       n.kind, n.template, n.template_version, n.slots, n.tag, n.useful_until, n.superseded_at IS NOT NULL AS superseded
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
    """List deliveries of these customers, the newest first, from after `before` on."""
    after = (before.notice_id, before.number) if before else (None, None)
    rows = await connection.fetch(_PAGE, list(customer_codes), *after, limit)
    return [_message(dict(row)) for row in rows]


def _message(row: dict[str, Any]) -> Message:
    own = {name: row.pop(name) for name in ("customer_code", "language", "state", "due_at")}
    delivery_id = DeliveryId(row["notice_id"], row.pop("number"))
    content = Content(**{**row, "slots": msgspec.json.decode(row["slots"])})
    return Message(delivery_id=delivery_id, content=content, **own)
