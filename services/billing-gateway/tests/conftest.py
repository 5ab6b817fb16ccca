"""billing-gateway in its production wiring over a real database, with a clock that stands, a local issuer and VNPay played."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from billing_gateway import NAME
from billing_gateway.__main__ import SERVICE
from billing_gateway.app import build_app
from billing_gateway.bills.flow.note_customers import note_customers
from billing_gateway.settings import ApiSettings, WorkerSettings
from billing_gateway.wiring import ApiRooms, WorkerRooms, serving, working
from gridcare.postgres.database import Database
from gridcare.postgres.schema.grants import Grants
from gridcare.process.foundation import Foundation
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.clock import StandingClock
from gridcare.testing.http import Issuer, client_for
from gridcare_local.emulators.control import Emulator, start_emulator
from gridcare_local.emulators.vnpay import QUERY_PATH
from gridcare_local.emulators.vnpay.payer import SUCCESS, PlayedPayment, callback_query, read_pay_url
from gridcare_local.testing.services import Api

NOW = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
SECRET = "TESTSECRET"
TMN_CODE = "CTTVNP01"
CUSTOMER = "PB11010012345"
NEIGHBOUR = "PB11010099999"


@dataclass(kw_only=True)
class Gateway(Api):
    """The service, and whoever calls it: CUSTOMER, where a test describes nobody else."""

    rooms: ApiRooms
    working: WorkerRooms
    clock: StandingClock
    db: Database

    async def post(self, path: str, body: Any, **caller: Any) -> httpx.Response:
        """Post under a fresh Idempotency-Key, unless `caller` says which."""
        return await self.call("POST", path, json=body, **{"key": uuid4().hex, **caller})

    async def bill(self, *, amount_vnd: int = 896_125, customer_code: str = CUSTOMER) -> dict[str, Any]:
        """Register a bill."""
        body = {
            "bill_number": f"HD202610-{secrets.token_hex(6)}",
            "customer_code": customer_code,
            "period": "2026-10",
            "amount_vnd": amount_vnd,
            "due_on": "2026-12-05",
        }
        answer = await self.post("/v1/bills", body, roles=("accountant",), codes=())
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def begin(self, bill: dict[str, Any], **body: Any) -> dict[str, Any]:
        """Begin a payment of a bill, as its customer."""
        answer = await self.post(f"/v1/bills/{bill['bill_id']}/payments", body, codes=(bill["customer_code"],))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def callback(self, begun: dict[str, Any], payment: PlayedPayment = SUCCESS) -> str:
        """Return the query of VNPay's callback about a payment that was begun."""
        return callback_query(SECRET, read_pay_url(SECRET, begun["pay_url"], now=self.clock.now()), payment)

    async def call_back(self, query: str) -> str:
        """Call back as VNPay does. Return the `RspCode` of the answer."""
        answer = await self.client.get(f"/v1/callbacks/vnpay?{query}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["RspCode"])

    async def read(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Read a bill or a payment again, as CUSTOMER."""
        answer = await self.call("GET", f"/v1/{kind}s/{thing[f'{kind}_id']}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        async with self.db.read() as connection:
            return [dict(row) for row in await connection.fetch(query, *values)]


@pytest.fixture(scope="session")
def migrations() -> Path:
    """Return the folder of the service's migrations."""
    return SERVICE.migrations


@pytest.fixture(scope="session")
def grants() -> Grants:
    """Return what the service's processes may do."""
    return SERVICE.grants


@pytest.fixture(scope="session")
def running_vnpay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Yield the session's VNPay, which knows no payment until it is told of one."""
    emulator = start_emulator(
        "vnpay", tmp_path_factory.mktemp("vnpay"), environment={"EMULATOR_VNPAY_HASH_SECRET": SECRET}
    )
    yield emulator
    emulator.stop()


@pytest.fixture
def vnpay(running_vnpay: Emulator) -> Emulator:
    """Return the session's VNPay, which answers with the truth."""
    running_vnpay.script([])
    return running_vnpay


@pytest.fixture
def query_url(request: pytest.FixtureRequest) -> str:
    """Return where VNPay is asked: at the emulator in a test that uses it, else where nobody listens."""
    used = "vnpay" in request.fixturenames
    return f"{request.getfixturevalue('vnpay').url if used else 'http://127.0.0.1:1'}{QUERY_PATH}"


@pytest.fixture
def vnpay_acceptance_answers() -> bool:
    """Return the setting of that name; a test that parametrizes it turns it on."""
    return False


@pytest.fixture
def settings(database_url: str, tokens: Issuer, *, vnpay_acceptance_answers: bool) -> ApiSettings:
    """Return the settings of an api on the test's own database."""
    return ApiSettings(
        database_url=SecretStr(database_url),
        oidc_issuer=tokens.url,
        vnpay_tmn_code=TMN_CODE,
        vnpay_hash_secret=SecretStr(SECRET),
        vnpay_pay_url="https://pay.example/vpcpay.html",
        vnpay_return_url="https://app.example/back",
        vnpay_acceptance_answers=vnpay_acceptance_answers,
    )


@pytest.fixture
def worker_settings(settings: ApiSettings, query_url: str) -> WorkerSettings:
    """Return the settings of a worker beside that api."""
    return WorkerSettings(
        database_url=settings.database_url,
        vnpay_tmn_code=TMN_CODE,
        vnpay_hash_secret=SecretStr(SECRET),
        vnpay_pay_url=settings.vnpay_pay_url,
        vnpay_return_url=settings.vnpay_return_url,
        vnpay_query_url=query_url,
    )


@pytest.fixture
def clock() -> StandingClock:
    """Return a clock that stands at NOW."""
    return StandingClock(NOW)


@pytest.fixture
async def gateway(
    settings: ApiSettings, worker_settings: WorkerSettings, db: Database, tokens: Issuer, clock: StandingClock
) -> AsyncIterator[Gateway]:
    """Wire the service as its processes do; CUSTOMER and NEIGHBOUR are known."""
    async with (
        serving(Foundation(NAME, "tests", settings, clock, db, Lifecycle())) as rooms,
        working(Foundation(NAME, "tests", worker_settings, clock, db, Lifecycle())) as loops,
        client_for(build_app(rooms)) as client,
    ):
        await note_customers([CUSTOMER, NEIGHBOUR], room=rooms.bills)
        yield Gateway(
            client=client,
            tokens=tokens,
            audience=NAME,
            roles=("customer",),
            codes=(CUSTOMER,),
            rooms=rooms,
            working=loops,
            clock=clock,
            db=db,
        )
