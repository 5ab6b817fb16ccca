"""Bills through the API."""

import asyncio
import json
from typing import Any

import pytest

BILL: dict[str, Any] = {
    "bill_number": "HD202610-0001",
    "customer_code": "PB11010012345",
    "period": "2026-10",
    "amount_vnd": 896_125,
    "due_on": "2026-12-05",
}
ACCOUNTANT: dict[str, Any] = {"roles": ("accountant",), "codes": ()}


async def test_a_bill_is_registered(gateway: Any) -> None:
    """Its customer reads it at once, and BillIssued is in the outbox."""
    answer = await gateway.post("/v1/bills", BILL, **ACCOUNTANT)
    assert answer.status_code == 201
    bill = answer.json()
    assert bill == {
        **BILL,
        "bill_id": bill["bill_id"],
        "paid_vnd": 0,
        "outstanding_vnd": 896_125,
        "credit_vnd": 0,
        "state": "open",
        "issued_at": "2026-11-23T02:30:00Z",
    }
    assert await gateway.read("bill", bill) == bill
    (row,) = await gateway.rows("SELECT topic, convert_from(value, 'UTF8') AS value, headers FROM outbox")
    event = json.loads(row["value"])
    assert row["topic"] == "payments.v1"
    assert ["ce_type", "gridcare.BillIssued"] in json.loads(row["headers"])
    assert (event["bill_id"], event["amount_vnd"], event["paid_vnd"]) == (bill["bill_id"], 896_125, 0)


async def test_a_repeat_changes_nothing(gateway: Any) -> None:
    """The same request again gets the first answer, byte for byte, and registers nothing."""
    first = await gateway.post("/v1/bills", BILL, key="k1", **ACCOUNTANT)
    again = await gateway.post("/v1/bills", BILL, key="k1", **ACCOUNTANT)
    assert (again.status_code, again.content) == (201, first.content)
    assert (await gateway.rows("SELECT count(*) FROM bill"))[0]["count"] == 1
    assert (await gateway.rows("SELECT count(*) FROM outbox"))[0]["count"] == 1


async def test_a_reused_key(gateway: Any) -> None:
    """A key that was used for another request is refused with 422."""
    await gateway.post("/v1/bills", BILL, key="k1", **ACCOUNTANT)
    other = await gateway.post("/v1/bills", {**BILL, "bill_number": "HD2"}, key="k1", **ACCOUNTANT)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await gateway.rows("SELECT count(*) FROM bill"))[0]["count"] == 1


async def test_twins_register_one_bill(gateway: Any) -> None:
    """Many requests at once with one key get 201 or 409, and register one bill."""
    answers = await asyncio.gather(*(gateway.post("/v1/bills", BILL, key="k1", **ACCOUNTANT) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json().get("code") for answer in answers} <= {None, "idempotency-key-in-use"}
    assert (await gateway.rows("SELECT count(*) FROM ledger_transaction"))[0]["count"] == 1


async def test_bill_numbers_are_unique(gateway: Any) -> None:
    """A bill number that is taken is refused, whatever the key."""
    await gateway.post("/v1/bills", BILL, **ACCOUNTANT)
    other = await gateway.post("/v1/bills", {**BILL, "amount_vnd": 1}, **ACCOUNTANT)
    assert (other.status_code, other.json()["code"]) == (409, "bill-number-taken")
    assert (await gateway.rows("SELECT count(*) FROM ledger_transaction"))[0]["count"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"customer_code": "PB11019999999"}, "unknown-customer"),
        ({"customer_code": "12345"}, "invalid-request"),
        ({"amount_vnd": 0}, "invalid-request"),
        ({"amount_vnd": -1}, "invalid-request"),
        ({"amount_vnd": 10**13}, "invalid-request"),
        ({"amount_vnd": 1.5}, "invalid-request"),
        ({"amount_vnd": "896125"}, "invalid-request"),
        ({"amount_vnd": True}, "invalid-request"),
        ({"amount_vnd": None}, "invalid-request"),
        ({"period": "2026-13"}, "invalid-request"),
        ({"due_on": "2026-02-30"}, "invalid-request"),
        ({"due_on": "2036-02-20"}, "due-date-out-of-range"),
        ({"bill_number": "x" * 41}, "invalid-request"),
        ({"bill_number": "a\u0000b"}, "invalid-request"),
        ({"paid_vnd": 5}, "invalid-request"),
    ],
)
async def test_bad_bills_are_refused(gateway: Any, change: dict[str, Any], code: str) -> None:
    """A bad bill is refused with a reason, and nothing of it is kept."""
    answer = await gateway.post("/v1/bills", {**BILL, **change}, **ACCOUNTANT)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    for table in ("bill", "entry", "outbox", "idempotency"):
        assert (await gateway.rows(f"SELECT count(*) FROM {table}"))[0]["count"] == 0


@pytest.mark.parametrize("role", ["customer", "planner", "dispatcher", "team", "cashier"])
async def test_others_may_not_register(gateway: Any, role: str) -> None:
    """Only accountants and ops register bills."""
    answer = await gateway.post("/v1/bills", BILL, roles=(role,))
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")


async def test_key_and_token_are_needed(gateway: Any) -> None:
    """A bill without an Idempotency-Key gets 400, one without a token 401."""
    assert (await gateway.call("POST", "/v1/bills", json=BILL, **ACCOUNTANT)).status_code == 400
    assert (await gateway.client.post("/v1/bills", json=BILL)).status_code == 401


async def test_anothers_bill_is_hidden(gateway: Any) -> None:
    """Another customer's bill is answered like one that does not exist; planners read no bill, cashiers any."""
    bill = await gateway.bill(customer_code="PB11010099999")
    path = f"/v1/bills/{bill['bill_id']}"
    stranger = await gateway.call("GET", path)
    nobody = await gateway.call("GET", "/v1/bills/01900000-0000-7000-8000-000000000000")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "bill-not-found")
    assert {**stranger.json(), "traceId": ""} == {**nobody.json(), "traceId": ""}
    assert (await gateway.call("GET", path, roles=("planner",), codes=())).status_code == 403
    assert (await gateway.call("GET", path, roles=("planner", "customer"))).status_code == 404
    assert (await gateway.call("GET", path, roles=("cashier",), codes=())).status_code == 200


async def test_lists_come_in_pages(gateway: Any) -> None:
    """The pages hold the customer's own bills, newest first, each once."""
    mine = []
    for _ in range(3):
        mine.append(await gateway.bill())
        await gateway.bill(customer_code="PB11010099999")
        gateway.clock.move(minutes=15)
    listed: list[dict[str, Any]] = []
    query = "limit=2"
    while True:
        page = (await gateway.call("GET", f"/v1/bills?{query}")).json()
        listed += page["items"]
        if page["next"] is None:
            break
        query = f"limit=2&cursor={page['next']}"
    assert listed == list(reversed(mine))


async def test_whose_bills_are_listed(gateway: Any) -> None:
    """A customer lists the bills of their codes or of one of them, an accountant everybody's."""
    for code in ("PB11010012345", "PB11010099999"):
        await gateway.bill(customer_code=code)

    async def listed(query: str = "", **caller: Any) -> int:
        answer = await gateway.call("GET", f"/v1/bills{query}", **caller)
        return len(answer.json()["items"]) if answer.status_code == 200 else answer.status_code

    both = ("PB11010012345", "PB11010099999")
    assert await listed(codes=both) == 2
    assert await listed("?customer_code=PB11010099999", codes=both) == 1
    assert await listed("?customer_code=PB11010099999") == 404
    assert await listed(codes=()) == 0
    assert await listed(**ACCOUNTANT) == 2
    assert await listed("?cursor=rubbish", **ACCOUNTANT) == 400
    assert await listed("?custmer_code=PB11010099999", **ACCOUNTANT) == 422
