"""A fuzzer against the three APIs in their production wiring, on a real database, over sockets, as each role.

Every run draws a seed and prints it; GRIDCARE_FUZZ_SEED repeats one, GRIDCARE_FUZZ_BUDGET_S and
GRIDCARE_FUZZ_EXAMPLES_MAX look longer.
"""

import asyncio
import base64
import importlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gridcare.clock import SystemClock
from gridcare.events import Envelope, type_name
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.http.auth import ROLES
from gridcare.http.health import serve
from gridcare.ids import uuid7
from gridcare.postgres.database import Database
from gridcare.process import Lifecycle
from gridcare.service import Foundation
from gridcare.testing.http import Issuer, issuer
from gridcare.testing.logs import captured_logs
from gridcare.testing.servers import database_url_of, template_database

BUDGET_S = float(os.environ.get("GRIDCARE_FUZZ_BUDGET_S", "16"))
"""For one service: the three stay within a minute."""
EXAMPLES_MAX = int(os.environ.get("GRIDCARE_FUZZ_EXAMPLES_MAX", "40"))
"""Of one operation in one mode."""

MINE = "PB11010012345"
SUPPLY_POINT = "SP110100000001"
KEY = base64.b64encode(bytes(32)).decode()
NOT_ROLES = ("nobody", "garbage", "expired")
CALLERS = (*sorted(ROLES), *NOT_ROLES)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

SETTINGS: dict[str, dict[str, Any]] = {
    "outage_notifier": {
        "contact_keys": f"t1:{KEY}",
        "contact_index_key": KEY,
        "twilio_account_sid": "AC" + "0" * 32,
        "twilio_auth_token": "none",
        "twilio_sender": "GRIDCARE",
        "public_url": "http://127.0.0.1:1",
        "fcm_credentials_file": "none.json",
    },
    "repair_intake": {},
    "billing_gateway": {
        "vnpay_tmn_code": "CTTVNP01",
        "vnpay_hash_secret": "TESTSECRET",
        "vnpay_pay_url": "https://pay.example/vpcpay.html",
        "vnpay_return_url": "https://app.example/back",
    },
}


class OutOfTimeError(Exception):
    """Ends the asking of one operation."""


@dataclass
class Target:
    """A service that listens, somebody who gives tokens for it, and things that exist in it."""

    package: str
    url: str
    document: dict[str, Any]
    tokens: Issuer
    known: dict[str, list[str]]

    @property
    def name(self) -> str:
        return self.package.replace("_", "-")

    def headers(self, caller: str) -> dict[str, str]:
        """Give the headers of a role's token, or of somebody without a good one."""
        if caller == "nobody":
            return {}
        claims = self.tokens.claims(
            audience=self.name, sub=caller, roles=[caller], customer_codes=[MINE], team_id="PB1101"
        )
        if caller == "expired":
            claims["exp"] = claims["iat"] - 3600
        token = "a.b.c" if caller == "garbage" else self.tokens.sign(claims)
        return {"authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, role: str, body: Any = None) -> Any:
        """Call as it is meant to be called; the answer."""
        headers = {**self.headers(role), "idempotency-key": uuid4().hex}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await client.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture(scope="module")
async def tokens() -> AsyncIterator[Issuer]:
    """Serve an issuer of tokens."""
    async with issuer() as made:
        yield made


@pytest.fixture(params=SETTINGS)
async def target(request: pytest.FixtureRequest, postgres_admin_url: str, tokens: Issuer) -> AsyncIterator[Target]:
    """Serve one service's API with what it needs to be asked for."""
    async with serving(request.param, postgres_admin_url, tokens) as made:
        yield made


@asynccontextmanager
async def serving(package: str, admin_url: str, tokens: Issuer) -> AsyncIterator[Target]:
    """Open a service as its api process does, on a fresh database and a free port."""
    wiring, app, settings, main, door = (
        importlib.import_module(f"{package}.{name}")
        for name in ("wiring", "inbound.app", "settings", "__main__", "inbound.topic_supply_points")
    )
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(template_database(admin_url, main.SERVICE.migrations))
        url = database_url_of(admin_url, database)
        db = await stack.enter_async_context(Database.open(url, application_name="fuzz", pool_size=8))
        values = {"database_url": url, "kafka_bootstrap": "127.0.0.1:1", "oidc_issuer": tokens.url, **SETTINGS[package]}
        made = settings.Settings(**values)
        life = Lifecycle()
        foundation = Foundation(main.SERVICE.name, "api", made, SystemClock(0), db, life)
        services = await stack.enter_async_context(wiring.wired(foundation))
        bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(serve(app.build_app(services), life, host="127.0.0.1", port=0, bound=bound))
        try:
            port = await asyncio.wait_for(bound, 10)
            await door.subscription(services).handle([supply_point()])
            target = Target(package, f"http://127.0.0.1:{port}", app.build_app(None).openapi(), tokens, {})
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
    """Leave one draft and one published outage."""
    start = datetime.now(UTC) + timedelta(days=8)
    window = {"start": start.isoformat(), "end": (start + timedelta(hours=3)).isoformat()}
    body = {
        "kind": "planned",
        "cause": "bảo trì",
        "place": "KV 5",
        "windows": [window],
        "scope": {"feeder_ids": ["FD1"]},
    }
    outages = [(await target.ask("POST", "/v1/outages", "planner", body))["outage_id"] for _ in range(2)]
    await target.ask("POST", f"/v1/outages/{outages[1]}/publish", "planner", {"late_reason": "a test"})
    notices = await target.ask("GET", f"/v1/outages/{outages[1]}/notices", "planner")
    listed = notices["items"] if isinstance(notices, dict) else notices
    return {"outage_id": outages, "notice_id": [each["notice_id"] for each in listed], "feeder_ids": ["FD1"]}


async def seed_tickets(target: Target) -> dict[str, list[str]]:
    """Leave one ticket."""
    body = {"supply_point_id": SUPPLY_POINT, "kind": "repair", "category": "no_power", "description": "mất điện"}
    ticket = await target.ask("POST", "/v1/tickets", "customer", body)
    return {"ticket_id": [ticket["ticket_id"]], "supply_point_id": [SUPPLY_POINT]}


async def seed_bills(target: Target) -> dict[str, list[str]]:
    """Leave one bill with a payment begun."""
    body = {
        "bill_number": "HD202610-0001",
        "customer_code": MINE,
        "period": "2026-10",
        "amount_vnd": 896_125,
        "due_on": (datetime.now(UTC) + timedelta(days=12)).date().isoformat(),
    }
    bill = await target.ask("POST", "/v1/bills", "accountant", body)
    payment = await target.ask("POST", f"/v1/bills/{bill['bill_id']}/payments", "customer", {})
    return {"bill_id": [bill["bill_id"]], "payment_id": [payment["payment_id"]], "customer_code": [MINE]}


SEEDS = {"outage_notifier": seed_outages, "repair_intake": seed_tickets, "billing_gateway": seed_bills}


async def test_no_request_breaks_a_service(target: Target) -> None:
    """Whoever asks for whatever: no 5xx, every refusal a problem document, every answer as documented."""
    seed = int(os.environ.get("GRIDCARE_FUZZ_SEED", secrets.randbelow(2**32)))
    print(f"{target.name}: GRIDCARE_FUZZ_SEED={seed}")
    with captured_logs("warning") as log:
        asked = await asyncio.to_thread(fuzz, target, seed)
    print(f"{target.name}: {asked} requests")
    assert asked > len(target.document["paths"])
    assert not log.named("request_failed")


def fuzz(target: Target, seed: int) -> int:
    """Ask every operation in turn, well-formed and not, until all are done or the time is over; how often."""
    schema = schemathesis.openapi.from_dict(target.document)
    asked = [0]
    with requests.Session() as session:
        session.trust_env = False
        operations = [result.ok() for result in schema.get_all_operations()]
        rounds = [(each, mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) for each in operations]
        start = time.monotonic()
        for number, (operation, mode) in enumerate(rounds, start=1):
            ask_one(
                target, operation, mode, session, seed=seed, until=start + BUDGET_S * number / len(rounds), asked=asked
            )
    return asked[0]


def ask_one(
    target: Target, operation: Any, mode: Any, session: Any, *, seed: int, until: float, asked: list[int]
) -> None:
    """Ask one operation; what it is asked follows from the seed, how often from the time that is left too."""
    found: list[str] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=EXAMPLES_MAX,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        caller=st.sampled_from(CALLERS),
        of_known=st.booleans(),
        pick=st.integers(0, 9),
    )
    def ask(case: Any, caller: str, of_known: bool, pick: int) -> None:  # noqa: FBT001 - hypothesis calls it
        if time.monotonic() > until and not found:
            raise OutOfTimeError
        if of_known:
            name_what_exists(case, target.known, pick)
        response = case.call(base_url=target.url, session=session, headers=target.headers(caller), timeout=20)
        asked[0] += 1
        try:
            case.validate_response(response, checks=CHECKS)
            must_be_a_problem(response)
        except BaseException as error:
            found.append(f"as {caller}: {case.as_curl_command()}")
            error.add_note(found[0])
            raise

    try:
        ask()
    except OutOfTimeError:
        return
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, (
            "an operation without a good request"
        )  # one that takes nothing has no bad one


def name_what_exists(case: Any, known: dict[str, list[str]], pick: int) -> None:
    """Put ids of things that exist where the request names some: else a fuzzer gets no further than 404."""
    for place in (case.path_parameters, case.query, case.body):
        if isinstance(place, dict):
            for name in place.keys() & known.keys():
                if known[name] and isinstance(place[name], str):
                    place[name] = known[name][pick % len(known[name])]


def must_be_a_problem(response: Any) -> None:
    """Every refusal is an RFC 9457 document that says the same status, with a code for machines."""
    if response.status_code < 400:
        return
    assert response.headers["content-type"][0].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == response.status_code
    assert re.fullmatch(r"[a-z][a-z0-9-]+", problem["code"])
    assert problem["traceId"]
