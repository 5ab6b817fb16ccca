"""Who may do what: every route x every role, pairs of roles, owner, another customer, nobody."""

from typing import Any

from gridcare_local.testing.access import PUBLIC, Access, own, staff, verdict_of, wrong_doors, wrong_sights
from outage_notifier.app import build_app

MINE, THEIRS = "PB11010012345", "PB11010054321"
PLANNER = staff("planner")
OPS = staff("ops")
READERS = staff("planner", "dispatcher", "team", "ops")
WATCHERS = staff("planner", "dispatcher", "ops")
OWN_ACCOUNT = staff("customer")
"""The route acts on the caller's own account or codes, and its request names no customer."""

PHONES: dict[str, dict[str, str] | None] = {
    "GET /v1/customers/{customer_code}/phones": None,
    "POST /v1/customers/{customer_code}/phones": {"number": "x"},
    "PUT /v1/customers/{customer_code}/phones/{phone_id}": {"number": "x"},
    "DELETE /v1/customers/{customer_code}/phones/{phone_id}": None,
    "PUT /v1/customers/{customer_code}/phones/{phone_id}/primary": None,
    "GET /v1/customers/{customer_code}/phones/changes": None,
}
"""Routes of a customer's phones, with bodies that name no phone."""

ACCESS: dict[str, Access | str] = {
    "POST /v1/outages": PLANNER,
    "GET /v1/outages": READERS,
    "GET /v1/outages/{outage_id}": READERS,
    "PUT /v1/outages/{outage_id}": PLANNER,
    "GET /v1/outages/{outage_id}/revisions": READERS,
    "POST /v1/outages/{outage_id}/preview": PLANNER,
    "POST /v1/outages/{outage_id}/publish": PLANNER,
    "POST /v1/outages/{outage_id}/revise": PLANNER,
    "POST /v1/outages/{outage_id}/cancel": PLANNER,
    "POST /v1/outages/{outage_id}/restore": staff("planner", "dispatcher"),
    "GET /v1/outages/{outage_id}/notices": WATCHERS,
    "GET /v1/notices/{notice_id}": WATCHERS,
    "GET /v1/notices/{notice_id}/deliveries": WATCHERS,
    "GET /v1/inbox": own(),
    "POST /v1/deliveries/{delivery_id}/received": own(),
    "POST /v1/devices": OWN_ACCOUNT,
    "DELETE /v1/devices/{device_id}": OWN_ACCOUNT,
    "PUT /v1/preferences/language": OWN_ACCOUNT,
    **{route: own("ops") for route in PHONES},
    "POST /v1/imports/supply-points": OPS,
    "POST /v1/imports/contacts": OPS,
    "POST /v1/imports/devices": OPS,
    "POST /v1/callbacks/twilio": PUBLIC,
}
SLOTS = {"place": "KV 5", "cause": "x", "windows": [["2026-12-02T01:00:00+00:00", "2026-12-02T04:30:00+00:00"]]}


async def test_each_route_takes_its_roles() -> None:
    """A route lets in whom the table names, and nobody else."""
    assert await wrong_doors(build_app(None), ACCESS) == []


async def test_other_customers_stay_hidden(api: Any, world: Any, plan: Any) -> None:
    """A role counts where its route names it: a customer who is a planner too reads nobody else's messages."""
    await world.customer(MINE)
    notice_id = await world.notice(await world.outage(), slots=SLOTS)
    await plan()
    delivery_id = f"{notice_id}-1"

    def who(roles: frozenset[str], owner: bool) -> dict[str, Any]:  # noqa: FBT001 - as Ask says
        return {"roles": sorted(roles), "codes": [MINE if owner else THEIRS]}

    async def listed(roles: frozenset[str], owner: bool) -> Any:  # noqa: FBT001 - as Ask says
        return verdict_of(await api.call("GET", "/v1/inbox", **who(roles, owner)), shows=[delivery_id])

    async def mark(roles: frozenset[str], owner: bool) -> Any:  # noqa: FBT001 - as Ask says
        return verdict_of(await api.call("POST", f"/v1/deliveries/{delivery_id}/received", **who(roles, owner)))

    def phones(route: str) -> Any:
        method, _, path = route.partition(" ")
        address = path.format(customer_code=MINE, phone_id=1)

        async def ask(roles: frozenset[str], owner: bool) -> Any:  # noqa: FBT001 - as Ask says
            answer = await api.call(method, address, json=PHONES[route], **who(roles, owner))
            found = answer.status_code == 404 and answer.json()["code"] == "phone-not-found"
            return "seen" if found else verdict_of(answer)

        return ask

    asks = {
        **{route: phones(route) for route in PHONES},
        "GET /v1/inbox": listed,
        "POST /v1/deliveries/{delivery_id}/received": mark,
    }
    assert await wrong_sights(asks, ACCESS) == []
