"""Table `bill`, with each bill's balance summed from the ledger."""

from collections.abc import Collection, Sequence
from uuid import UUID

from billing_gateway.bills.core import Bill, BillStanding, BillState
from billing_gateway.ledger.core import Balance
from gridcare.postgres.database import Connection, Row

_ADD = """
INSERT INTO bill (bill_id, bill_number, customer_code, period, amount_vnd, due_on, issued_at, issued_by, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (bill_number) DO NOTHING
"""
_LOCK = "SELECT 1 FROM bill WHERE bill_id = $1 FOR NO KEY UPDATE"


def _standing_of(bills: str) -> str:
    """Return the statement that reads some bills, a table or a query, and where each stands."""
    return f"""
    SELECT bill.bill_id, bill_number, customer_code, period, amount_vnd, due_on, issued_at, issued_by, version,
        balance.receivable_vnd, balance.credit_vnd
    FROM {bills} AS bill CROSS JOIN LATERAL (
        SELECT coalesce(sum(entry.amount_vnd) FILTER (WHERE account.kind = 'receivable'), 0)::bigint AS receivable_vnd,
            coalesce(-sum(entry.amount_vnd) FILTER (WHERE account.kind = 'customer_credit'), 0)::bigint AS credit_vnd
        FROM entry JOIN account USING (account_id) WHERE entry.bill_id = bill.bill_id
    ) AS balance
    """


_FIND = f"{_standing_of('bill')} WHERE bill.bill_id = $1"
_NEWEST_FIRST = "ORDER BY bill.bill_id DESC"
_CUTS = """
($1::uuid IS NULL OR bill.bill_id < $1) ORDER BY bill.bill_id DESC LIMIT $2
"""
_PAGE_OF_ALL = f"{_standing_of(f'(SELECT * FROM bill WHERE {_CUTS})')} {_NEWEST_FIRST}"
_OF_CUSTOMERS = (
    f"SELECT * FROM bill WHERE customer_code = ANY($3::text[]) AND ($4::text[] = '{{}}' OR state = ANY($4)) AND {_CUTS}"
)
_PAGE_OF_CUSTOMERS = f"{_standing_of(f'({_OF_CUSTOMERS})')} {_NEWEST_FIRST}"
_IN_STATES = f"""
SELECT of_one.* FROM unnest($3::text[]) AS wanted (state)
CROSS JOIN LATERAL (SELECT * FROM bill WHERE bill.state = wanted.state AND {_CUTS}) AS of_one
ORDER BY of_one.bill_id DESC LIMIT $2
"""
_PAGE_IN_STATES = f"{_standing_of(f'({_IN_STATES})')} {_NEWEST_FIRST}"
"""One page of each state, by the index, and of these the newest: to sort all bills of some states would take minutes."""


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
    connection: Connection,
    customer_codes: Sequence[str] | None,
    *,
    states: Collection[BillState],
    before: UUID | None,
    limit: int,
) -> list[BillStanding]:
    """Return bills of these customers (None: of all) older than `before`, newest first: a UUIDv7 holds its time.

    Of all states where `states` names none.
    """
    if customer_codes is not None:
        rows = await connection.fetch(_PAGE_OF_CUSTOMERS, before, limit, customer_codes, list(states))
    elif states:
        rows = await connection.fetch(_PAGE_IN_STATES, before, limit, sorted(set(states)))
    else:
        rows = await connection.fetch(_PAGE_OF_ALL, before, limit)
    return [_standing(row) for row in rows]


def _standing(row: Row) -> BillStanding:
    columns = dict(row)
    balance = Balance(receivable_vnd=columns.pop("receivable_vnd"), credit_vnd=columns.pop("credit_vnd"))
    return BillStanding(Bill(**columns), balance)
