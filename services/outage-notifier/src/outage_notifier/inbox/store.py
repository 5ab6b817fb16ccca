"""Deliveries as the app lists them to the customers whom they are for."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from gridcare.postgres.database import Connection, Row
from gridcare.values.ids import first_id
from outage_notifier.inbox.core import Message, shown_state
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.ledger.core.months import unindexed_since
from outage_notifier.texts.subject import subject_of

# Deliveries have an index by recipient only where a month is over. In the months that are being written, `$5` and later, the
# customer's one-recipient notices are found by their own index, and each of the large ones, some thousands a month, is asked
# for the customer by its primary key. OFFSET 0 keeps it so: a join would read the whole month.
# A covered delivery is left out where the caller also has the one that covers it, and as long as that one has no row: no
# other message is listed before somebody tried to send it. A superseded one is always left out: nobody was sent it, and what
# it says no longer holds.
_PAGE = """
WITH mine AS (
    SELECT d.notice_id, d.number, d.recipient_id, d.state, d.covered_by FROM notice n
    CROSS JOIN LATERAL (
        SELECT * FROM delivery WHERE notice_id = n.notice_id AND notice_id >= $5 AND recipient_id = n.recipient_id OFFSET 0) d
    WHERE n.recipient_id = ANY($1::text[]) AND n.notice_id >= $5
    UNION ALL
    SELECT d.notice_id, d.number, d.recipient_id, d.state, d.covered_by FROM notice n
    CROSS JOIN LATERAL (
        SELECT * FROM delivery
        WHERE notice_id = n.notice_id AND notice_id >= $5 AND recipient_id = ANY($1::text[]) OFFSET 0) d
    WHERE n.recipient_id IS NULL AND n.notice_id >= $5
    UNION ALL
    SELECT d.notice_id, d.number, d.recipient_id, d.state, d.covered_by FROM delivery d
    WHERE d.recipient_id = ANY($1::text[]) AND d.notice_id < $5
)
SELECT d.notice_id, d.number, d.recipient_id, c.language, d.state, o.state AS of_owner,
    n.kind, n.template, n.slots, n.outage_id, n.due_at
FROM mine d JOIN notice n USING (notice_id) LEFT JOIN customer c ON c.customer_code = d.recipient_id
LEFT JOIN LATERAL (
    SELECT state FROM delivery
    WHERE d.state = 'covered' AND notice_id = d.notice_id AND recipient_id = d.covered_by OFFSET 0) o ON true
WHERE d.state <> 'superseded' AND NOT (d.state = 'covered' AND (o.state IS NULL OR d.covered_by = ANY($1::text[])))
  AND ($2::uuid IS NULL
       OR (n.due_at, d.notice_id, d.number) < ((SELECT b.due_at FROM notice b WHERE b.notice_id = $2), $2, $3::int))
ORDER BY n.due_at DESC, d.notice_id DESC, d.number DESC LIMIT $4
"""


async def page(
    connection: Connection, customer_codes: Collection[str], *, before: DeliveryId | None, limit: int, now: datetime
) -> list[Message]:
    """Return deliveries to these customers, the newest first, starting after `before`."""
    position = (before.notice_id, before.number) if before else (None, None)
    rows = await connection.fetch(_PAGE, list(customer_codes), *position, limit, first_id(unindexed_since(now)))
    return [_message(row) for row in rows]


def _message(row: Row) -> Message:
    slots = msgspec.json.decode(row["slots"])
    return Message(
        delivery_id=DeliveryId(row["notice_id"], row["number"]),
        customer_code=row["recipient_id"],
        language=row["language"],
        state=shown_state(State(row["state"]), State(row["of_owner"]) if row["of_owner"] else None),
        kind=row["kind"],
        template=row["template"],
        slots=slots,
        subject=subject_of(row["outage_id"], slots),
        due_at=row["due_at"],
    )
