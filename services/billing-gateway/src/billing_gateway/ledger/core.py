"""The ledger's movements of money: double entry, debits positive, credits negative, whole dong.

The database, too, refuses a movement that does not sum to zero; this module says who owes what after each.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from gridcare.events.payments import Provider

AccountKind = Literal["receivable", "customer_credit", "clearing", "suspense", "revenue"]
TransactionKind = Literal["bill_issued", "payment_recorded", "money_suspended", "suspense_released"]
SuspenseReason = Literal["unknown_order", "wrong_amount", "suspected_fraud", "order_already_paid"]

REVENUE = "electricity"


@dataclass(frozen=True, slots=True)
class Account:
    """Where money stands: a kind and a subject (the migrations say what each kind's subject is)."""

    kind: AccountKind
    subject: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a movement. Only receivables and credits have a `bill_id`: a bill's balance is the sum of those."""

    account: Account
    amount_vnd: int
    bill_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """Money that a provider says it took: its own number of the transaction, and the event that said so."""

    provider: Provider
    transaction_number: str
    provider_event_id: UUID
    amount_vnd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTransaction:
    """One movement, with all its entries."""

    transaction_id: UUID
    kind: TransactionKind
    entries: tuple[Entry, ...]
    recorded_at: datetime
    bill_id: UUID | None = None
    payment_id: UUID | None = None
    money: Money | None = None
    reason: SuspenseReason | None = None
    releases: UUID | None = None


@dataclass(frozen=True, slots=True)
class RecordedMoney:
    """Money of a provider's transaction that the ledger has already."""

    transaction_id: UUID
    reason: SuspenseReason | None
    """Why it went to suspense; None when it was booked to a bill at once."""
    released: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """Where a bill stands: the sum of the ledger's entries about it."""

    receivable_vnd: int
    """Still owed; never negative."""
    credit_vnd: int
    """Paid in excess and kept as the customer's credit; never negative."""

    @property
    def outstanding_vnd(self) -> int:
        """What is still owed; negative when too much was paid, as in events."""
        return self.receivable_vnd - self.credit_vnd


class IssuedBill(Protocol):
    """What the ledger needs to know of a bill."""

    @property
    def bill_id(self) -> UUID: ...

    @property
    def customer_code(self) -> str: ...

    @property
    def amount_vnd(self) -> int: ...

    @property
    def issued_at(self) -> datetime: ...


def bill_issued(bill: IssuedBill, *, transaction_id: UUID) -> LedgerTransaction:
    """Book that the customer owes the bill."""
    return LedgerTransaction(
        transaction_id=transaction_id,
        kind="bill_issued",
        entries=(
            Entry(Account("receivable", bill.customer_code), bill.amount_vnd, bill.bill_id),
            Entry(Account("revenue", REVENUE), -bill.amount_vnd),
        ),
        recorded_at=bill.issued_at,
        bill_id=bill.bill_id,
    )


def payment_recorded(
    bill: IssuedBill, balance: Balance, money: Money, *, payment_id: UUID, transaction_id: UUID, now: datetime
) -> LedgerTransaction:
    """Book money that came in for a bill: it pays what is owed, and the rest becomes the customer's credit."""
    return LedgerTransaction(
        transaction_id=transaction_id,
        kind="payment_recorded",
        entries=(Entry(Account("clearing", money.provider), money.amount_vnd), *_paid(bill, balance, money.amount_vnd)),
        recorded_at=now,
        bill_id=bill.bill_id,
        payment_id=payment_id,
        money=money,
    )


def money_suspended(
    money: Money,
    reason: SuspenseReason,
    *,
    bill_id: UUID | None,
    payment_id: UUID | None,
    transaction_id: UUID,
    now: datetime,
) -> LedgerTransaction:
    """Book money that came in and cannot, or must not yet, be booked to a bill."""
    return LedgerTransaction(
        transaction_id=transaction_id,
        kind="money_suspended",
        entries=(
            Entry(Account("clearing", money.provider), money.amount_vnd),
            Entry(Account("suspense", money.provider), -money.amount_vnd),
        ),
        recorded_at=now,
        bill_id=bill_id,
        payment_id=payment_id,
        money=money,
        reason=reason,
    )


def suspense_released(
    bill: IssuedBill,
    balance: Balance,
    money: Money,
    *,
    releases: UUID,
    payment_id: UUID,
    transaction_id: UUID,
    now: datetime,
) -> LedgerTransaction:
    """Book suspended money that turned out to be good: it pays the bill after all."""
    return LedgerTransaction(
        transaction_id=transaction_id,
        kind="suspense_released",
        entries=(Entry(Account("suspense", money.provider), money.amount_vnd), *_paid(bill, balance, money.amount_vnd)),
        recorded_at=now,
        bill_id=bill.bill_id,
        payment_id=payment_id,
        money=money,
        releases=releases,
    )


def after(balance: Balance, amount_vnd: int) -> Balance:
    """Return where a bill stands after `amount_vnd` more came in for it."""
    pays = min(amount_vnd, balance.receivable_vnd)
    return Balance(balance.receivable_vnd - pays, balance.credit_vnd + amount_vnd - pays)


def _paid(bill: IssuedBill, balance: Balance, amount_vnd: int) -> tuple[Entry, ...]:
    pays = min(amount_vnd, balance.receivable_vnd)
    sides = (
        Entry(Account("receivable", bill.customer_code), -pays, bill.bill_id),
        Entry(Account("customer_credit", bill.customer_code), pays - amount_vnd, bill.bill_id),
    )
    return tuple(side for side in sides if side.amount_vnd)
