"""Who may do what: every route x every role, pairs of roles, owner, another customer, nobody."""

from typing import Any
from uuid import uuid4

from billing_gateway.app import build_app
from gridcare_local.testing.access import (
    PUBLIC,
    Access,
    any_customer,
    own,
    verdict_of,
    wrong_doors,
    wrong_sights,
)

CUSTOMER = "PB11010012345"
NEIGHBOUR = "PB11010099999"
MONEY = ("cashier", "accountant", "ops")
ACCESS: dict[str, Access | str] = {
    "POST /v1/bills": any_customer("accountant", "ops"),
    "GET /v1/bills": own(*MONEY),
    "GET /v1/bills/{bill_id}": own(*MONEY),
    "POST /v1/bills/{bill_id}/payments": own("cashier"),
    "GET /v1/payments/{payment_id}": own(*MONEY),
    "GET /v1/callbacks/vnpay": PUBLIC,
}


async def test_each_route_takes_its_roles() -> None:
    """A route lets in whom the table names, and nobody else."""
    assert await wrong_doors(build_app(None), ACCESS) == []


async def test_other_customers_stay_hidden(gateway: Any) -> None:
    """A role counts where its route names it: a customer who is an accountant too begins nobody else's payment."""
    bill = await gateway.bill()
    begun = await gateway.begin(bill)

    def asking(method: str, path: str, body: Any = None, shows: tuple[str, ...] = ()) -> Any:
        async def ask(roles: frozenset[str], owner: bool) -> Any:  # noqa: FBT001 - as Ask says
            codes = (CUSTOMER if owner else NEIGHBOUR,)
            who = {"roles": sorted(roles), "codes": codes, "sub": "".join(sorted(roles)), "key": uuid4().hex}
            answer = await gateway.call(method, path, json=body, **who)
            return verdict_of(answer, shows=shows if answer.is_success else ())

        return ask

    asks = {
        "POST /v1/bills": asking("POST", "/v1/bills", {**bill_body(), "due_on": "1999-01-01"}),
        "GET /v1/bills": asking("GET", "/v1/bills", shows=(bill["bill_id"],)),
        "GET /v1/bills/{bill_id}": asking("GET", f"/v1/bills/{bill['bill_id']}"),
        "POST /v1/bills/{bill_id}/payments": asking("POST", f"/v1/bills/{bill['bill_id']}/payments", {}),
        "GET /v1/payments/{payment_id}": asking("GET", f"/v1/payments/{begun['payment_id']}"),
    }
    assert await wrong_sights(asks, ACCESS) == []


def bill_body() -> dict[str, Any]:
    return {"bill_number": "HD1", "customer_code": CUSTOMER, "period": "2026-10", "amount_vnd": 1}


async def test_kept_answers_stay_hidden(gateway: Any) -> None:
    """Whoever lost the customer code since then no longer gets the pay address that its Idempotency-Key kept."""
    bill = await gateway.bill()
    path = f"/v1/bills/{bill['bill_id']}/payments"
    begun = await gateway.post(path, {}, key="k1")
    assert begun.status_code == 201
    lost = await gateway.post(path, {}, key="k1", codes=(NEIGHBOUR,))
    assert (lost.status_code, lost.json()["code"]) == (404, "bill-not-found")
    assert (await gateway.post(path, {}, key="k1")).json() == begun.json()
