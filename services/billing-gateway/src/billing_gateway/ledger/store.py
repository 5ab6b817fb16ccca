"""Tables `account`, `ledger_transaction` and `entry`: written once, never changed."""

from collections.abc import Iterable

from billing_gateway.ledger.core import Account, LedgerTransaction, RecordedMoney
from gridcare.events.payments import Provider
from gridcare.postgres.database import Connection

_OPEN_ACCOUNTS = """
INSERT INTO account (kind, subject) SELECT * FROM unnest($1::text[], $2::text[]) AS wanted (kind, subject)
ORDER BY kind, subject ON CONFLICT DO NOTHING
"""
_ADD_TRANSACTION = """
INSERT INTO ledger_transaction (
    transaction_id, kind, bill_id, payment_id, provider, provider_transaction_number, provider_event_id, reason, releases,
    recorded_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_ADD_ENTRIES = """
INSERT INTO entry (transaction_id, account_id, bill_id, amount_vnd)
SELECT $1, account.account_id, side.bill_id, side.amount_vnd
FROM unnest($2::text[], $3::text[], $4::uuid[], $5::bigint[]) AS side (kind, subject, bill_id, amount_vnd)
JOIN account USING (kind, subject)
"""
_LOCK_MONEY = "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))"
_RECORDED = """
SELECT money.transaction_id, money.reason, release.transaction_id IS NOT NULL AS released
FROM ledger_transaction AS money LEFT JOIN ledger_transaction AS release ON release.releases = money.transaction_id
WHERE money.provider = $1 AND money.provider_transaction_number = $2
AND money.kind IN ('payment_recorded', 'money_suspended')
"""


async def add(tx: Connection, transaction: LedgerTransaction) -> None:
    """Write a movement with its entries, and open the accounts that are new.

    The database refuses a second movement for the same money, and, at commit, one that does not sum to zero.
    """
    await _open_accounts(tx, {entry.account for entry in transaction.entries})
    money = transaction.money
    await tx.execute(
        _ADD_TRANSACTION,
        *(transaction.transaction_id, transaction.kind, transaction.bill_id, transaction.payment_id),
        *((money.provider, money.transaction_number, money.provider_event_id) if money else (None, None, None)),
        *(transaction.reason, transaction.releases, transaction.recorded_at),
    )
    await tx.execute(
        _ADD_ENTRIES,
        transaction.transaction_id,
        [entry.account.kind for entry in transaction.entries],
        [entry.account.subject for entry in transaction.entries],
        [entry.bill_id for entry in transaction.entries],
        [entry.amount_vnd for entry in transaction.entries],
    )


async def recorded(tx: Connection, provider: Provider, transaction_number: str) -> RecordedMoney | None:
    """Return the money of a provider's transaction, or None, and hold its number until `tx` ends.

    So two messages about the same money (suspected, then cleared) are handled one after the other; without the hold the
    unique index would refuse the second as an error.
    """
    await tx.execute(_LOCK_MONEY, f"{provider}/{transaction_number}")
    row = await tx.fetchrow(_RECORDED, provider, transaction_number)
    return RecordedMoney(**row) if row else None


async def _open_accounts(tx: Connection, accounts: Iterable[Account]) -> None:
    wanted = list(accounts)
    await tx.execute(_OPEN_ACCOUNTS, [account.kind for account in wanted], [account.subject for account in wanted])
