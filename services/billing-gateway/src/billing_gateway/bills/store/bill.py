"""Table `bill`, with each bill's balance summed from the ledger."""

from collections.abc import Sequence
from uuid import UUID

from billing_gateway.bills.core import Bill, BillStanding
from billing_gateway.ledger.core import Balance
from gridcare.postgres.database import Connection, Row

_ADD = """
INSERT INTO bill (bill_id, bill_number, customer_code, period, amount_vnd, due_on, issued_at, issued_by, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (bill_number) DO NOTHING
"""
_LOCK = "SELECT 1 FROM bill WHERE bill_id = $1 FOR NO KEY UPDATE"
_STANDING = """
SELECT bill.bill_id, bill_number, customer_code, period, amount_vnd, due_on, issued_at, issued_by, version,
    balance.receivable_vnd, balance.credit_vnd
FROM bill CROSS JOIN LATERAL (
    SELECT coalesce(sum(entry.amount_vnd) FILTER (WHERE account.kind = 'receivable'), 0)::bigint AS receivable_vnd,
        coalesce(-sum(entry.amount_vnd) FILTER (WHERE account.kind = 'customer_credit'), 0)::bigint AS credit_vnd
    FROM entry JOIN account USING (account_id) WHERE entry.bill_id = bill.bill_id
) AS balance
"""
_FIND = f"{_STANDING} WHERE bill.bill_id = $1"
_PAGE = f"""
{_STANDING}
WHERE ($1::text[] IS NULL OR customer_code = ANY($1)) AND ($2::uuid IS NULL OR bill.bill_id < $2)
ORDER BY bill.bill_id DESC LIMIT $3
"""


async def add(tx: Connection, bill: Bill) -> bool:
    """Save a new bill. Return False when its number is taken."""
    tag: str = await tx.execute(
        _ADD,
        *(bill.bill_id, bill.bill_number, bill.customer_code, bill.period, bill.amount_vnd),
        *(bill.due_on, bill.issued_at, bill.issued_by, bill.version),
    )
    return tag == "INSERT 0 1"


async def find(connection: Connection, bill_id: UUID) -> BillStanding | None:
    """Return a bill of any customer and where it stands, or None."""
    row = await connection.fetchrow(_FIND, bill_id)
    return _standing(row) if row else None


async def lock(tx: Connection, bill_id: UUID) -> BillStanding | None:
    """Return a bill, or None, and hold it, so that payments of one bill are booked one after the other.

    Two statements: the second takes its snapshot once the lock is held, and so sees what the holder before it wrote.
    """
    return await find(tx, bill_id) if await tx.fetchval(_LOCK, bill_id) else None


async def page(
    connection: Connection, customer_codes: Sequence[str] | None, *, before: UUID | None, limit: int
) -> list[BillStanding]:
    """Return bills of these customers (None: of all) older than `before`, newest first: a UUIDv7 holds its time."""
    return [_standing(row) for row in await connection.fetch(_PAGE, customer_codes, before, limit)]


def _standing(row: Row) -> BillStanding:
    columns = dict(row)
    balance = Balance(receivable_vnd=columns.pop("receivable_vnd"), credit_vnd=columns.pop("credit_vnd"))
    return BillStanding(Bill(**columns), balance)
