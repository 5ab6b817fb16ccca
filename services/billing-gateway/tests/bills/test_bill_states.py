"""Bills listed by state: as the ledger says, page by page, by an index; and bills of before there were states."""

from pathlib import Path
from typing import Any

import pytest

from billing_gateway.bills.store import bill as store
from gridcare.postgres.database import Database

STAFF: dict[str, Any] = {"roles": ("cashier",), "codes": ()}


@pytest.fixture
async def in_each_state(gateway: Any) -> dict[str, str]:
    """Register a bill of CUSTOMER and one of a neighbour, pay the former, or not; return its id by its state."""
    made = {}
    for state, parts in {"open": (), "partially_paid": (1,), "paid": (1, 9), "overpaid": (None, None)}.items():
        await gateway.bill(customer_code="PB11010099999")
        bill = await gateway.bill(amount_vnd=100_000)
        made[state] = bill["bill_id"]
        begun = [await gateway.begin(bill, **({"amount_vnd": n * 10_000} if n else {})) for n in parts]
        for each in begun:
            await gateway.call_back(gateway.callback(each))
        gateway.clock.move(minutes=1)
    return made


async def _listed(gateway: Any, *states: str, **caller: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    query = {"state": states, "limit": 2}
    while True:
        page = (await gateway.call("GET", "/v1/bills", params=query, **caller)).json()
        items += page["items"]
        if page["next"] is None:
            return items
        query["cursor"] = page["next"]


async def test_states_filter_the_list(gateway: Any, in_each_state: dict[str, str]) -> None:
    """A list of some states holds these alone, newest first, for a customer and for staff."""
    for state, bill_id in in_each_state.items():
        (mine,) = await _listed(gateway, state)
        assert (mine["bill_id"], mine["state"]) == (bill_id, state)
    several = await _listed(gateway, "paid", "open", "paid")
    assert [each["bill_id"] for each in several] == [in_each_state["paid"], in_each_state["open"]]
    everything = await _listed(gateway, **STAFF)
    for states in (("open",), ("paid", "overpaid"), ("overpaid", "open", "partially_paid", "paid")):
        assert await _listed(gateway, *states, **STAFF) == [each for each in everything if each["state"] in states]


async def test_unknown_states_are_refused(gateway: Any) -> None:
    """A state that there is not is 422, not an empty list."""
    answer = await gateway.call("GET", "/v1/bills?state=open&state=lost")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_older_bills_get_states(
    gateway: Any, owner_db: Database, in_each_state: dict[str, str], migrations: Path
) -> None:
    """The migration derives the states of bills that are there already."""
    before = await gateway.rows("SELECT bill_id, state FROM bill ORDER BY 1")
    up, down = (migrations / "20261130210000_bill_state.sql").read_text().split("-- migrate:down")
    async with owner_db.transaction() as tx:
        await tx.execute(down)
        await tx.execute(up)
    assert await gateway.rows("SELECT bill_id, state FROM bill ORDER BY 1") == before
    assert {row["state"] for row in before} == set(in_each_state)


_FILL = """
INSERT INTO customer SELECT 'PB' || lpad(n::text, 11, '0') FROM generate_series(0, 899) AS n;
INSERT INTO bill (bill_id, bill_number, customer_code, period, amount_vnd, due_on, issued_at, issued_by, state)
SELECT gen_random_uuid(), n::text, 'PB' || lpad((n % 900)::text, 11, '0'), '2026-10', 1, now(), now(), '',
    CASE WHEN n % 999 = 0 THEN 'overpaid' WHEN n % 3 = 0 THEN 'open' ELSE 'paid' END FROM generate_series(1, 9000) AS n;
ANALYZE bill;
"""


@pytest.mark.parametrize(
    ("statement", "arguments", "index"),
    [
        (store._PAGE_OF_ALL, (None, 51), "bill_pkey"),
        (store._PAGE_OF_CUSTOMERS, (None, 51, ["PB00000000007"], []), "bill_by_customer"),
        (store._PAGE_OF_CUSTOMERS, (None, 51, ["PB00000000007"], ["open"]), "bill_by_customer"),
        (store._PAGE_IN_STATES, (None, 51, ["overpaid"]), "bill_by_state"),
        (store._PAGE_IN_STATES, (None, 51, ["open", "overpaid", "paid"]), "bill_by_state"),
    ],
)
async def test_lists_use_indexes(gateway: Any, statement: str, arguments: tuple[Any, ...], index: str) -> None:
    """Each list reads bills by its index, also by a plan for any arguments."""
    async with gateway.db.transaction() as tx:
        await tx.execute(_FILL)
        for mode in ("force_custom_plan", "force_generic_plan"):
            await tx.execute(f"SET LOCAL plan_cache_mode = {mode}")
            lines = await tx.fetch(f"EXPLAIN {statement}", *arguments)
            plan = "\n".join(line[0] for line in lines)
            assert index in plan
            assert "Seq Scan on bill" not in plan
