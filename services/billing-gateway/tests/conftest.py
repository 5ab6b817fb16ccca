"""The service in its production wiring on a real database, its issuer on a real socket, VNPay played."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from billing_gateway.app import build_app
from billing_gateway.bills.flow.note_customers import note_customers
from billing_gateway.settings import Settings
from billing_gateway.wiring import NAME, Services, wired
from gridcare.postgres.database import Database
from gridcare.postgres.migrate import migrate
from gridcare.process.lifecycle import Lifecycle
from gridcare.process.service import Foundation
from gridcare.testing.http import Issuer, client_for, issuer
from gridcare_local.emulators.vnpay import SUCCESS, Outcome, callback_query, read_pay_url
from gridcare_local.testing.servers import database_url_of

MIGRATIONS = Path(__file__).parents[1] / "migrations"
SECRET = "TESTSECRET"
TMN_CODE = "CTTVNP01"
CUSTOMER = "PB11010012345"
NEIGHBOUR = "PB11010099999"


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by


@dataclass
class Gateway:
    """The service and whoever speaks to it."""

    services: Services
    client: httpx.AsyncClient
    issuer: Issuer
    clock: HandClock

    def headers(self, *roles: str, codes: tuple[str, ...] = (), sub: str = "somebody", key: str = "") -> dict[str, str]:
        token = self.issuer.token(audience=NAME, sub=sub, roles=roles, customer_codes=codes)
        return {"authorization": f"Bearer {token}", "idempotency-key": key or uuid4().hex}

    def customer(self, *codes: str, key: str = "", sub: str = "customer") -> dict[str, str]:
        return self.headers("customer", codes=codes or (CUSTOMER,), key=key, sub=sub)

    def accountant(self, *, key: str = "") -> dict[str, str]:
        return self.headers("accountant", sub="accountant", key=key)

    async def bill(self, *, amount_vnd: int = 896_125, customer_code: str = CUSTOMER) -> dict[str, Any]:
        asked = {
            "bill_number": f"HD202610-{secrets.token_hex(6)}",
            "customer_code": customer_code,
            "period": "2026-10",
            "amount_vnd": amount_vnd,
            "due_on": "2026-12-05",
        }
        answer = await self.client.post("/v1/bills", json=asked, headers=self.accountant())
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def begin(self, bill: dict[str, Any], **asked: Any) -> dict[str, Any]:
        answer = await self.client.post(
            f"/v1/bills/{bill['bill_id']}/payments", json=asked, headers=self.customer(bill["customer_code"])
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def word(self, begun: dict[str, Any], outcome: Outcome = SUCCESS) -> str:
        """Give the query of VNPay's callback about a payment that was begun."""
        return callback_query(SECRET, read_pay_url(SECRET, begun["pay_url"], now=self.clock.now()), outcome)

    async def call_back(self, query: str) -> str:
        answer = await self.client.get(f"/v1/callbacks/vnpay?{query}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["RspCode"])

    async def read(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.get(f"/v1/{kind}s/{thing[f'{kind}_id']}", headers=self.customer())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        async with self.services.db.read() as connection:
            return [dict(row) for row in await connection.fetch(query, *values)]


@pytest.fixture(scope="session")
async def plumbing_template(postgres_admin_url: str) -> AsyncIterator[str]:
    """Name of a database that holds the shared tables and this service's, to copy from."""
    name = f"template_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_admin_url, timeout=30)
    await admin.execute(f"CREATE DATABASE {name}")
    await migrate(database_url_of(postgres_admin_url, name), MIGRATIONS)
    yield name
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close(timeout=30)


@pytest.fixture(scope="session")
async def token_issuer() -> AsyncIterator[Issuer]:
    """Serve tokens' keys for the session."""
    async with issuer() as made:
        yield made


@pytest.fixture
def settings(database_url: str, token_issuer: Issuer) -> Settings:
    """Give the settings of a gateway on the test's own database."""
    return Settings(
        database_url=database_url,
        kafka_bootstrap="127.0.0.1:1",
        oidc_issuer=token_issuer.url,
        vnpay_tmn_code=TMN_CODE,
        vnpay_hash_secret=SECRET,
        vnpay_pay_url="https://pay.example/vpcpay.html",
        vnpay_return_url="https://app.example/back",
    )


@pytest.fixture
def clock() -> HandClock:
    """Give a clock that the test moves."""
    return HandClock()


@pytest.fixture
async def gateway(settings: Settings, db: Database, token_issuer: Issuer, clock: HandClock) -> AsyncIterator[Gateway]:
    """Open the service as its api process is wired; two customers are known."""
    foundation = Foundation(NAME, "api", settings, clock, db, Lifecycle())
    async with wired(foundation) as services, client_for(build_app(services)) as client:
        await note_customers(db, [CUSTOMER, NEIGHBOUR])
        yield Gateway(services, client, token_issuer, clock)
