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


async def test_a_bill_is_registered(gateway: Any) -> None:
    """Its customer reads it at once, and BillIssued is in the outbox."""
    answer = await gateway.client.post("/v1/bills", json=BILL, headers=gateway.accountant())
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
    headers = gateway.accountant(key="k1")
    first = await gateway.client.post("/v1/bills", json=BILL, headers=headers)
    again = await gateway.client.post("/v1/bills", json=BILL, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert (await gateway.rows("SELECT count(*) FROM bill"))[0]["count"] == 1
    assert (await gateway.rows("SELECT count(*) FROM outbox"))[0]["count"] == 1


async def test_a_reused_key(gateway: Any) -> None:
    """A key that was used for another request is refused with 422."""
    headers = gateway.accountant(key="k1")
    await gateway.client.post("/v1/bills", json=BILL, headers=headers)
    other = await gateway.client.post("/v1/bills", json={**BILL, "bill_number": "HD2"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await gateway.rows("SELECT count(*) FROM bill"))[0]["count"] == 1


async def test_twins_register_one_bill(gateway: Any) -> None:
    """Many requests at once with one key get 201 or 409, and register one bill."""
    headers = gateway.accountant(key="k1")
    answers = await asyncio.gather(*(gateway.client.post("/v1/bills", json=BILL, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json().get("code") for answer in answers} <= {None, "idempotency-key-in-use"}
    assert (await gateway.rows("SELECT count(*) FROM ledger_transaction"))[0]["count"] == 1


async def test_bill_numbers_are_unique(gateway: Any) -> None:
    """A bill number that is taken is refused, whatever the key."""
    await gateway.client.post("/v1/bills", json=BILL, headers=gateway.accountant())
    other = await gateway.client.post("/v1/bills", json={**BILL, "amount_vnd": 1}, headers=gateway.accountant())
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
    answer = await gateway.client.post("/v1/bills", json={**BILL, **change}, headers=gateway.accountant())
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    for table in ("bill", "entry", "outbox", "idempotency"):
        assert (await gateway.rows(f"SELECT count(*) FROM {table}"))[0]["count"] == 0


@pytest.mark.parametrize("role", ["customer", "planner", "dispatcher", "team", "cashier"])
async def test_others_may_not_register(gateway: Any, role: str) -> None:
    """Only accountants and ops register bills."""
    headers = gateway.headers(role, codes=("PB11010012345",))
    answer = await gateway.client.post("/v1/bills", json=BILL, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")


async def test_key_and_token_are_needed(gateway: Any) -> None:
    """A bill without an Idempotency-Key gets 400, one without a token 401."""
    headers = gateway.accountant()
    del headers["idempotency-key"]
    assert (await gateway.client.post("/v1/bills", json=BILL, headers=headers)).status_code == 400
    assert (await gateway.client.post("/v1/bills", json=BILL)).status_code == 401


async def test_anothers_bill_is_hidden(gateway: Any) -> None:
    """Another customer's bill is answered like one that does not exist; planners read no bill, cashiers any."""
    bill = await gateway.bill(customer_code="PB11010099999")
    path = f"/v1/bills/{bill['bill_id']}"
    stranger = await gateway.client.get(path, headers=gateway.customer())
    nobody = await gateway.client.get("/v1/bills/01900000-0000-7000-8000-000000000000", headers=gateway.customer())
    assert (stranger.status_code, stranger.json()["code"]) == (404, "bill-not-found")
    assert {**stranger.json(), "traceId": ""} == {**nobody.json(), "traceId": ""}
    assert (await gateway.client.get(path, headers=gateway.headers("planner"))).status_code == 403
    both = gateway.headers("planner", "customer", codes=("PB11010012345",))
    assert (await gateway.client.get(path, headers=both)).status_code == 404
    assert (await gateway.client.get(path, headers=gateway.headers("cashier"))).status_code == 200


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
        page = (await gateway.client.get(f"/v1/bills?{query}", headers=gateway.customer())).json()
        listed += page["items"]
        if page["next"] is None:
            break
        query = f"limit=2&cursor={page['next']}"
    assert listed == list(reversed(mine))


async def test_whose_bills_are_listed(gateway: Any) -> None:
    """A customer lists the bills of their codes or of one of them, an accountant everybody's."""
    for code in ("PB11010012345", "PB11010099999"):
        await gateway.bill(customer_code=code)

    async def listed(headers: dict[str, str], query: str = "") -> int:
        answer = await gateway.client.get(f"/v1/bills{query}", headers=headers)
        return len(answer.json()["items"]) if answer.status_code == 200 else answer.status_code

    both = gateway.customer("PB11010012345", "PB11010099999")
    assert await listed(both) == 2
    assert await listed(both, "?customer_code=PB11010099999") == 1
    assert await listed(gateway.customer(), "?customer_code=PB11010099999") == 404
    assert await listed(gateway.headers("customer")) == 0
    assert await listed(gateway.accountant()) == 2
    assert await listed(gateway.accountant(), "?cursor=rubbish") == 400
    assert await listed(gateway.accountant(), "?custmer_code=PB11010099999") == 422
