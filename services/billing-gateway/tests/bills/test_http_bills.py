"""The bills of the API."""

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


async def test_a_bill_is_registered_read_and_published(gateway: Any) -> None:
    """Its customer reads it at once, and BillIssued waits in the outbox in the same transaction."""
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


async def test_the_same_request_again_has_one_effect(gateway: Any) -> None:
    """A repeat with its key gets the first answer, byte for byte, and registers nothing."""
    headers = gateway.accountant(key="k1")
    first = await gateway.client.post("/v1/bills", json=BILL, headers=headers)
    again = await gateway.client.post("/v1/bills", json=BILL, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert (await gateway.rows("SELECT count(*) FROM bill"))[0]["count"] == 1
    assert (await gateway.rows("SELECT count(*) FROM outbox"))[0]["count"] == 1


async def test_a_key_used_for_another_request(gateway: Any) -> None:
    """A reused key is refused, and the other request is not done."""
    headers = gateway.accountant(key="k1")
    await gateway.client.post("/v1/bills", json=BILL, headers=headers)
    other = await gateway.client.post("/v1/bills", json={**BILL, "bill_number": "HD2"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await gateway.rows("SELECT count(*) FROM bill"))[0]["count"] == 1


async def test_twins_register_one_bill(gateway: Any) -> None:
    """Of many at once with one key each gets 201 or 409, and one bill is there."""
    headers = gateway.accountant(key="k1")
    answers = await asyncio.gather(*(gateway.client.post("/v1/bills", json=BILL, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json().get("code") for answer in answers} <= {None, "idempotency-key-in-use"}
    assert (await gateway.rows("SELECT count(*) FROM ledger_transaction"))[0]["count"] == 1


async def test_a_number_that_is_taken(gateway: Any) -> None:
    """A bill number names one bill for ever, whatever the key."""
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
async def test_a_bad_bill(gateway: Any, change: dict[str, Any], code: str) -> None:
    """It is refused with a reason, and nothing of it stays."""
    answer = await gateway.client.post("/v1/bills", json={**BILL, **change}, headers=gateway.accountant())
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    for table in ("bill", "entry", "outbox", "idempotency"):
        assert (await gateway.rows(f"SELECT count(*) FROM {table}"))[0]["count"] == 0


@pytest.mark.parametrize("role", ["customer", "planner", "dispatcher", "team", "cashier"])
async def test_who_may_not_register(gateway: Any, role: str) -> None:
    """Only accountants and ops register bills."""
    headers = gateway.headers(role, codes=("PB11010012345",))
    answer = await gateway.client.post("/v1/bills", json=BILL, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "role-missing")


async def test_without_a_key_or_a_token(gateway: Any) -> None:
    """The key is needed, and so is a token."""
    headers = gateway.accountant()
    del headers["idempotency-key"]
    assert (await gateway.client.post("/v1/bills", json=BILL, headers=headers)).status_code == 400
    assert (await gateway.client.post("/v1/bills", json=BILL)).status_code == 401


async def test_anothers_bill_is_not_there(gateway: Any) -> None:
    """A customer gets the same 404 for another's bill as for none; planners see no bill at all, cashiers any."""
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


async def test_a_customer_lists_their_own_by_pages(gateway: Any) -> None:
    """Newest first, each once, none of the neighbour's; a page says where the next begins."""
    mine = []
    for _ in range(3):
        mine.append(await gateway.bill())
        await gateway.bill(customer_code="PB11010099999")
        gateway.clock.advance(gateway.services.desk.limits.lifetime)
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
    """A customer with two codes sees both or the one named; another's is 404; an accountant sees all."""
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
