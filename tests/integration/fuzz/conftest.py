"""The API of each service, served with its production wiring and a little data."""

import asyncio
import base64
import importlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from billing_gateway.bills import topic_supply_points as billed_customers
from gridcare.events import Envelope, type_name
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.http.auth import ROLES
from gridcare.kafka.consume import Subscription
from gridcare.known_supply_points import topic_supply_points
from gridcare.postgres.database import Database
from gridcare.process.foundation import Foundation
from gridcare.process.health import serve
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.http import Issuer, issuer
from gridcare.testing.logs import captured_logs
from gridcare.values.clock import SystemClock
from gridcare.values.ids import uuid7
from gridcare_local.testing.servers import copied_database, template_database

EVERYBODY = "everybody"
"""A caller with every role, who passes every door."""
MINE = "PB11010012345"
SUPPLY_POINT = "SP110100000001"
KEY = base64.b64encode(bytes(32)).decode()
SETTINGS: dict[str, dict[str, Any]] = {
    "outage_notifier": {
        "contact_keys": f"t1:{KEY}",
        "contact_index_key": KEY,
        "twilio_auth_token": "none",
        "twilio_sender": "GRIDCARE",
        "public_url": "http://127.0.0.1:1",
    },
    "repair_intake": {},
    "billing_gateway": {
        "vnpay_tmn_code": "CTTVNP01",
        "vnpay_hash_secret": "TESTSECRET",
        "vnpay_pay_url": "https://pay.example/vpcpay.html",
        "vnpay_return_url": "https://app.example/back",
        "vnpay_query_url": "http://127.0.0.1:1/merchant_webapi/api/transaction",
    },
}


@dataclass
class Target:
    """A running service, an issuer of tokens for it, and ids of things that exist in it."""

    package: str
    url: str
    document: dict[str, Any]
    tokens: Issuer
    known: dict[str, list[str]]

    @property
    def name(self) -> str:
        return self.package.replace("_", "-")

    def headers(self, caller: str) -> dict[str, str]:
        """Return the headers with a role's token, or those of a caller without a valid one."""
        if caller == "nobody":
            return {}
        roles = sorted(ROLES) if caller == EVERYBODY else [caller]
        claims = self.tokens.claims(
            audience=self.name, sub=caller, roles=roles, customer_codes=[MINE], team_id="PB1101"
        )
        if caller == "expired":
            claims["exp"] = claims["iat"] - 3600
        token = "a.b.c" if caller == "garbage" else self.tokens.sign(claims)
        return {"authorization": f"Bearer {token}"}

    async def request_json(self, method: str, path: str, role: str, body: Any = None) -> Any:
        """Send a valid request and return the body of its answer."""
        headers = {**self.headers(role), "idempotency-key": uuid4().hex}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await client.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture(scope="module")
async def tokens() -> AsyncIterator[Issuer]:
    """Run an issuer of tokens."""
    async with issuer() as made:
        yield made


@pytest.fixture(params=SETTINGS)
async def target(request: pytest.FixtureRequest, postgres_admin_url: str, tokens: Issuer) -> AsyncIterator[Target]:
    """Run the API of one service with some data in it."""
    async with serving(request.param, postgres_admin_url, tokens) as made:
        yield made


def supply_points_of(package: str, rooms: Any, db: Database) -> Subscription:
    """Return a service's subscription to supply-points.v1."""
    if package == "billing_gateway":
        return billed_customers.subscription(rooms.bills)
    return topic_supply_points.subscription(db)


@asynccontextmanager
async def serving(package: str, admin_url: str, tokens: Issuer) -> AsyncIterator[Target]:
    """Open a service as its api process does, with a new database and a free port."""
    wiring, app, settings, main = (
        importlib.import_module(f"{package}.{name}") for name in ("wiring", "app", "settings", "__main__")
    )
    async with AsyncExitStack() as stack:
        template = await stack.enter_async_context(
            template_database(admin_url, main.SERVICE.migrations, main.SERVICE.grants)
        )
        url = (await stack.enter_async_context(copied_database(admin_url, template))).app
        db = await stack.enter_async_context(Database.open(url, application_name="fuzz", pool_size=8))
        values = {"database_url": url, "oidc_issuer": tokens.url, **SETTINGS[package]}
        made = settings.ApiSettings(**values)
        life = Lifecycle()
        foundation = Foundation(main.SERVICE.name, "api", made, SystemClock(0), db, life)
        rooms = await stack.enter_async_context(wiring.serving(foundation))
        bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(serve(app.build_app(rooms), life, host="127.0.0.1", port=0, bound=bound))
        try:
            port = await asyncio.wait_for(bound, 10)
            await supply_points_of(package, rooms, db).handle([supply_point()])
            target = Target(package, f"http://127.0.0.1:{port}", app.build_app(None).openapi(), tokens, {})
            with captured_logs():  # the test must not see the logs of the seeding
                target.known = await SEEDS[package](target)
            yield target
        finally:
            life.stop()
            await running


def supply_point() -> Envelope:
    event = SupplyPointChanged(
        version=1,
        supply_point_id=SUPPLY_POINT,
        customer_code=MINE,
        transformer_id="TR1",
        feeder_id="FD1",
        substation_id="SS1",
        ward_code="31117",
    )
    now = datetime.now(UTC)
    return Envelope(uuid7(now), "/gridcare/tests", type_name(SupplyPointChanged), now, event.key, 1, None, event)


async def seed_outages(target: Target) -> dict[str, list[str]]:
    """Create a draft outage and a published one."""
    start = datetime.now(UTC) + timedelta(days=8)
    window = {"start": start.isoformat(), "end": (start + timedelta(hours=3)).isoformat()}
    body = {
        "kind": "planned",
        "cause": "bảo trì",
        "place": "KV 5",
        "windows": [window],
        "scope": {"feeder_ids": ["FD1"]},
    }
    outages = [(await target.request_json("POST", "/v1/outages", "planner", body))["outage_id"] for _ in range(2)]
    await target.request_json("POST", f"/v1/outages/{outages[1]}/publish", "planner", {"late_reason": "a test"})
    notices = await target.request_json("GET", f"/v1/outages/{outages[1]}/notices", "planner")
    return {"outage_id": outages, "notice_id": [each["notice_id"] for each in notices["items"]], "feeder_ids": ["FD1"]}


async def seed_tickets(target: Target) -> dict[str, list[str]]:
    """Create a ticket."""
    body = {"supply_point_id": SUPPLY_POINT, "kind": "repair", "category": "no_power", "description": "mất điện"}
    ticket = await target.request_json("POST", "/v1/tickets", "customer", body)
    return {"ticket_id": [ticket["ticket_id"]], "supply_point_id": [SUPPLY_POINT]}


async def seed_bills(target: Target) -> dict[str, list[str]]:
    """Create a bill with a payment begun."""
    body = {
        "bill_number": "HD202610-0001",
        "customer_code": MINE,
        "period": "2026-10",
        "amount_vnd": 896_125,
        "due_on": (datetime.now(UTC) + timedelta(days=12)).date().isoformat(),
    }
    bill = await target.request_json("POST", "/v1/bills", "accountant", body)
    payment = await target.request_json("POST", f"/v1/bills/{bill['bill_id']}/payments", "customer", {})
    return {"bill_id": [bill["bill_id"]], "payment_id": [payment["payment_id"]], "customer_code": [MINE]}


SEEDS = {"outage_notifier": seed_outages, "repair_intake": seed_tickets, "billing_gateway": seed_bills}
