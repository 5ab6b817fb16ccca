"""Who may do what: every route x every role, pairs of roles, owner, another customer, nobody."""

from typing import Any

from gridcare_local.testing.access import Access, own, staff, verdict_of, wrong_doors, wrong_sights
from repair_intake.app import build_app

MINE = "PB11010012345"
THEIRS = "PB11010054321"
ACCESS: dict[str, Access | str] = {
    "POST /v1/tickets": own(),
    "GET /v1/tickets": own(),
    "GET /v1/tickets/{ticket_id}": own("dispatcher"),
    "PUT /v1/teams": staff("ops"),
}


async def test_each_route_takes_its_roles() -> None:
    """A route lets in whom the table names, and nobody else."""
    assert await wrong_doors(build_app(None), ACCESS) == []


async def test_other_customers_stay_hidden(api: Any, happens: Any, supply_point: Any) -> None:
    """A role counts where its route names it: a customer with another role sees no more than a customer."""
    await happens(supply_point())
    ticket_id = (await api.open()).json()["ticket_id"]

    def who(roles: frozenset[str], owner: bool) -> dict[str, Any]:  # noqa: FBT001 - as Ask says
        return {"roles": sorted(roles), "codes": [MINE if owner else THEIRS], "sub": "".join(sorted(roles))}

    async def post(roles: frozenset[str], owner: bool) -> Any:  # noqa: FBT001 - as Ask says
        return verdict_of(await api.open(**who(roles, owner)))

    async def read(roles: frozenset[str], owner: bool) -> Any:  # noqa: FBT001 - as Ask says
        return verdict_of(await api.call("GET", f"/v1/tickets/{ticket_id}", **who(roles, owner)))

    async def listed(roles: frozenset[str], owner: bool) -> Any:  # noqa: FBT001 - as Ask says
        return verdict_of(await api.call("GET", "/v1/tickets", **who(roles, owner)), shows=[ticket_id])

    asks = {"POST /v1/tickets": post, "GET /v1/tickets": listed, "GET /v1/tickets/{ticket_id}": read}
    assert await wrong_sights(asks, ACCESS) == []


async def test_kept_answers_stay_hidden(api: Any, happens: Any, supply_point: Any) -> None:
    """Whoever lost the customer code since then no longer gets the answer that its Idempotency-Key kept."""
    await happens(supply_point())
    opened = await api.open(key="k1")
    assert opened.status_code == 201
    lost = await api.open(key="k1", codes=(THEIRS,))
    assert (lost.status_code, lost.json()["code"]) == (404, "supply-point-not-found")
    assert (await api.open(key="k1")).json() == opened.json()
