"""The production wiring of outage-notifier over a real database, with tokens of a local issuer; no provider is called."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from gridcare.postgres.database import Database
from gridcare.process.foundation import Foundation
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.http import Issuer, client_for
from gridcare_local.testing.services import Api
from outage_notifier import NAME
from outage_notifier.app import build_app
from outage_notifier.settings import ApiSettings
from outage_notifier.wiring import ApiRooms, serving

KEY = base64.b64encode(bytes(32)).decode()


@dataclass(kw_only=True)
class OutageApi(Api):
    """The app, and outages made through it."""

    clock: Any

    def document(self, **changes: Any) -> dict[str, Any]:
        """Return an outage's body: feeder FD1, in six days from 10:00 to 13:30 in Can Tho, changed by `changes`."""
        start = self.clock.now() + timedelta(days=6)
        return {
            "cause": "bảo trì đường dây trung thế",
            "place": "KV 5, phường An Khánh",
            "windows": [window(start, hours=3.5)],
            "scope": {"feeder_ids": ["FD1"]},
            **changes,
        }

    async def post(self, path: str, body: dict[str, Any], **caller: Any) -> httpx.Response:
        """Post to an outage's route under a fresh Idempotency-Key, as a planner unless `caller` says otherwise."""
        return await self.call("POST", f"/v1/outages{path}", json=body, **{"key": str(uuid4()), **caller})

    async def draft(self, **changes: Any) -> str:
        """Create a draft, and return its id."""
        answer = await self.post("", {"kind": "planned", **self.document(**changes)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["outage_id"])

    async def published(self, **changes: Any) -> str:
        """Create and publish an outage, and return its id."""
        outage_id = await self.draft(**changes)
        answer = await self.post(f"/{outage_id}/publish", {"late_reason": "a test"})
        assert answer.status_code == 202, answer.text
        return outage_id


def window(start: Any, *, hours: float) -> dict[str, str]:
    """Return a window's body."""
    return {"start": start.isoformat(), "end": (start + timedelta(hours=hours)).isoformat()}


@pytest.fixture
def settings(database_url: str, tokens: Issuer) -> ApiSettings:
    """Return the settings of an api; its address is never called."""
    return ApiSettings(
        database_url=SecretStr(database_url),
        oidc_issuer=tokens.url,
        contact_keys=SecretStr(f"t1:{KEY}"),
        contact_index_key=SecretStr(KEY),
        twilio_auth_token=SecretStr("none"),
        twilio_sender="GRIDCARE",
        public_url="http://127.0.0.1:1",
    )


@pytest.fixture
async def rooms(db: Database, clock: Any, settings: ApiSettings) -> AsyncIterator[ApiRooms]:
    """Yield the api's rooms, wired as its process wires them."""
    async with serving(Foundation(NAME, "tests", settings, clock, db, Lifecycle())) as made:
        yield made


@pytest.fixture
async def api(rooms: ApiRooms, tokens: Issuer, clock: Any) -> AsyncIterator[OutageApi]:
    """Yield the app, to be called without a socket."""
    async with client_for(build_app(rooms)) as client:
        yield OutageApi(client=client, tokens=tokens, audience=NAME, roles=("planner",), clock=clock)
