"""I9 to I12: the ledger balances, takes each movement once, and holds exactly what the provider moved."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.judge.evidence import Evidence

MONEY_IN = ("payment_recorded", "money_suspended")


def books_balance(evidence: Evidence) -> Iterator[str]:
    """I9: each movement sums to zero, all of them do, and none was ever changed."""
    sums: dict[object, int] = defaultdict(int)
    for row in evidence["entries"]:
        sums[row["transaction_id"]] += row["amount_vnd"]
    yield from (f"movement {name} sums to {total}" for name, total in sums.items() if total)
    for row in evidence["money"]:
        if row["transaction_id"] not in sums:
            yield f"movement {row['transaction_id']} has no entries"
    yield from (f"{count} x {what}" for what, count in Counter(row["what"] for row in evidence["changes"]).items())


def money_comes_in_once(evidence: Evidence) -> Iterator[str]:
    """I10: one movement for each of a provider's transactions."""
    counted = Counter((row["provider"], row["number"]) for row in evidence["money"] if row["kind"] in MONEY_IN)
    yield from (f"{provider} {number}: {count} movements" for (provider, number), count in counted.items() if count > 1)


def bills_add_up(evidence: Evidence) -> Iterator[str]:
    """I11: what a bill owes is its amount less what was paid, never below zero; the rest is the customer's credit."""
    owed: dict[object, int] = defaultdict(int)
    paid: dict[object, int] = defaultdict(int)
    kind = {row["transaction_id"]: row["kind"] for row in evidence["money"]}
    for row in evidence["entries"]:
        if row["bill_id"] is None:
            continue
        if row["kind"] in {"receivable", "customer_credit"}:
            owed[row["bill_id"]] += row["amount_vnd"]
            if kind[row["transaction_id"]] != "bill_issued":
                paid[row["bill_id"]] -= row["amount_vnd"]
    receivable: dict[object, int] = defaultdict(int)
    for row in evidence["entries"]:
        if row["kind"] == "receivable":
            receivable[row["bill_id"]] += row["amount_vnd"]
    for bill in evidence["bills"]:
        if owed[bill["bill_id"]] != bill["amount_vnd"] - paid[bill["bill_id"]]:
            yield f"bill {bill['bill_id']}: {bill['amount_vnd']} less {paid[bill['bill_id']]} is not {owed[bill['bill_id']]}"
    yield from (f"bill {bill} owes {total}" for bill, total in receivable.items() if total < 0)
    succeeded = Counter(row["payment_id"] for row in evidence["payments"] if row["state"] == "succeeded")
    booked = Counter(
        row["payment_id"] for row in evidence["money"] if row["kind"] in {"payment_recorded", "suspense_released"}
    )
    yield from (
        f"payment {payment}: succeeded {succeeded[payment]} times, booked {booked[payment]} times"
        for payment in succeeded.keys() | booked.keys()
        if succeeded[payment] != booked[payment]
    )


def money_is_conserved(evidence: Evidence) -> Iterator[str]:
    """I12: what the provider moved is what clearing received, transaction by transaction, and nothing else is there."""
    moved = {each["transaction_number"]: each["amount_vnd"] for each in evidence.moved if each["moved"]}
    number = {row["transaction_id"]: row["number"] for row in evidence["money"] if row["kind"] in MONEY_IN}
    cleared: dict[str, int] = defaultdict(int)
    for row in evidence["entries"]:
        if row["kind"] == "clearing":
            cleared[number.get(row["transaction_id"], "nobody's")] += row["amount_vnd"]
    for name in moved.keys() | cleared.keys():
        if moved.get(name, 0) != cleared.get(name, 0):
            yield f"transaction {name}: moved {moved.get(name, 0)}, cleared {cleared.get(name, 0)}"
    waiting = sum(row["handled_at"] is None for row in evidence["provider_events"])
    if waiting:
        yield f"{waiting} provider events wait to be handled"
    orders = {each["order_reference"]: each["amount_vnd"] for each in evidence.moved if each["moved"]}
    for row in evidence["payments"]:
        if row["state"] == "succeeded" and orders.get(row["order_reference"]) != row["amount_vnd"]:
            yield f"payment {row['payment_id']} succeeded with {row['amount_vnd']}, moved {orders.get(row['order_reference'])}"
