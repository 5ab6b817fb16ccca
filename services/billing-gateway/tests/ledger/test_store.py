"""The rules of the ledger that the database itself enforces, whatever the code does."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from billing_gateway.bills.core import Bill
from billing_gateway.bills.store import bill, customer
from billing_gateway.callbacks import store as provider_event
from billing_gateway.ledger import store as ledger
from billing_gateway.ledger.core import Account, Entry, LedgerTransaction, Money, bill_issued, money_suspended
from billing_gateway.providers.core import SignedMessage
from gridcare.postgres.database import Connection, Database

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
CODE = "PB11010012345"


async def registered(tx: Connection, number: str = "HD1") -> Bill:
    await customer.add(tx, [CODE])
    owed = Bill(
        bill_id=uuid4(),
        bill_number=number,
        customer_code=CODE,
        period="2026-10",
        amount_vnd=100_000,
        due_on=date(2026, 12, 5),
        issued_at=NOW,
        issued_by="accountant",
    )
    assert await bill.add(tx, owed)
    return owed


def signed(number: str, code: str) -> SignedMessage:
    return SignedMessage(
        raw="raw", order_reference="R1", transaction_number=number, response_code=code, transaction_status=code
    )


async def stored(tx: Connection, number: str, code: str = "00") -> UUID:
    event_id = uuid4()
    message = signed(number, code)
    assert await provider_event.add(tx, message, provider_event_id=event_id, provider="vnpay", now=NOW)
    return event_id


def suspended(event_id: UUID, number: str) -> LedgerTransaction:
    return money_suspended(
        Money("vnpay", number, event_id, 500),
        "unknown_order",
        bill_id=None,
        payment_id=None,
        transaction_id=uuid4(),
        now=NOW,
    )


async def write(db: Database, owed: Bill, entries: tuple[Entry, ...]) -> None:
    movement = LedgerTransaction(
        transaction_id=uuid4(), kind="bill_issued", entries=entries, recorded_at=NOW, bill_id=owed.bill_id
    )
    async with db.transaction() as tx:
        await ledger.add(tx, movement)


async def test_lopsided_transactions_are_refused(db: Database) -> None:
    """A movement with one dong too little on one side is refused at commit, and nothing of it is kept."""
    async with db.transaction() as tx:
        owed = await registered(tx)
    lopsided = (
        Entry(Account("receivable", CODE), 100_000, owed.bill_id),
        Entry(Account("revenue", "electricity"), -99_999),
    )
    with pytest.raises(asyncpg.CheckViolationError) as raised:
        await write(db, owed, lopsided)
    assert raised.value.constraint_name == "ledger_transaction_sums_to_zero"
    async with db.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM entry") == 0


async def test_empty_transactions_are_refused(db: Database) -> None:
    """A movement without entries is refused."""
    async with db.transaction() as tx:
        owed = await registered(tx)
    with pytest.raises(asyncpg.CheckViolationError):
        await write(db, owed, ())


async def test_old_transactions_are_closed(db: Database) -> None:
    """A ledger transaction takes no entries after the database transaction that wrote it, not even balanced ones."""
    async with db.transaction() as tx:
        written = bill_issued(await registered(tx), transaction_id=uuid4())
        await ledger.add(tx, written)
    with pytest.raises(asyncpg.CheckViolationError) as raised:
        async with db.transaction() as tx:
            await tx.execute(
                "INSERT INTO entry (transaction_id, account_id, amount_vnd)"
                " SELECT $1, account_id, side FROM account, (VALUES (1), (-1)) AS sides (side) WHERE kind = 'revenue'",
                written.transaction_id,
            )
    assert raised.value.constraint_name == "entry_is_written_with_its_transaction"


@pytest.mark.parametrize("table", ["entry", "ledger_transaction", "account", "provider_event"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_nothing_is_deleted(owner_db: Database, table: str, change: str) -> None:
    """Rows of the ledger and of provider events cannot be deleted, not even by the owner of the tables."""
    async with owner_db.transaction() as tx:
        await ledger.add(tx, suspended(await stored(tx, "1"), "1"))
    with pytest.raises(asyncpg.RestrictViolationError):
        async with owner_db.transaction() as tx:
            await tx.execute(change.format(table))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET amount_vnd = amount_vnd * 2",
        "UPDATE entry SET bill_id = NULL",
        "UPDATE ledger_transaction SET reason = 'wrong_amount'",
        "UPDATE account SET subject = 'momo'",
        "UPDATE provider_event SET raw = 'another'",
        "UPDATE provider_event SET response_code = '07'",
    ],
)
async def test_nothing_is_changed(owner_db: Database, change: str) -> None:
    """Rows of the ledger and of provider events cannot be changed, even where the sum would stay zero."""
    async with owner_db.transaction() as tx:
        await ledger.add(tx, suspended(await stored(tx, "1"), "1"))
    with pytest.raises(asyncpg.RestrictViolationError):
        async with owner_db.transaction() as tx:
            await tx.execute(change)


async def test_events_are_handled_once(db: Database) -> None:
    """What was done with a provider event is noted once and cannot be overwritten."""
    async with db.transaction() as tx:
        event_id = await stored(tx, "1")
        await provider_event.mark_handled(tx, event_id, outcome="recorded", now=NOW)
    with pytest.raises(asyncpg.RestrictViolationError):
        async with db.transaction() as tx:
            await provider_event.mark_handled(tx, event_id, outcome="failed", now=NOW)


async def test_money_is_booked_once(db: Database) -> None:
    """Money under a provider's number that the ledger has already is refused by a unique index."""
    async with db.transaction() as tx:
        await ledger.add(tx, suspended(await stored(tx, "1"), "1"))
    with pytest.raises(asyncpg.UniqueViolationError) as raised:
        async with db.transaction() as tx:
            await ledger.add(tx, suspended(await stored(tx, "1", "07"), "1"))
    assert raised.value.constraint_name == "ledger_transaction_once_a_provider_transaction"


async def test_failures_share_number_zero(db: Database) -> None:
    """Two failures of one order with different codes are two events; a repeat of one is none."""
    async with db.transaction() as tx:
        await stored(tx, "0", "24")
        await stored(tx, "0", "51")
        assert not await provider_event.add(tx, signed("0", "24"), provider_event_id=uuid4(), provider="vnpay", now=NOW)


async def test_balances_are_sums(db: Database) -> None:
    """A bill's balance is the sum of its entries."""
    async with db.transaction() as tx:
        owed = await registered(tx)
        assert (before := await bill.find(tx, owed.bill_id)) is not None
        assert before.balance.outstanding_vnd == 0
        await ledger.add(tx, bill_issued(owed, transaction_id=uuid4()))
    async with db.read() as connection:
        standing = await bill.find(connection, owed.bill_id)
    assert standing is not None
    assert (standing.state, standing.balance.receivable_vnd, standing.bill) == ("open", 100_000, owed)
