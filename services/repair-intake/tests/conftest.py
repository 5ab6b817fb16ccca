"""repair-intake in its production wiring over a real database, with a clock that stands and tokens of a local issuer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from gridcare.events import Envelope, Event, type_name
from gridcare.events.outages import OutagePlanned, Scope, Window
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.known_supply_points import topic_supply_points
from gridcare.postgres.database import Database
from gridcare.postgres.schema.grants import Grants
from gridcare.process.foundation import Foundation
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.clock import StandingClock
from gridcare.testing.http import Issuer, client_for
from gridcare.values.ids import uuid7
from gridcare_local.testing.services import Api
from repair_intake import NAME
from repair_intake.__main__ import SERVICE
from repair_intake.app import build_app
from repair_intake.settings import ApiSettings
from repair_intake.tickets import topic_outages
from repair_intake.wiring import ApiRooms, serving

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
MINE = "PB11010012345"
THEIRS = "PB11010054321"


@dataclass(kw_only=True)
class TicketApi(Api):
    """The app, and tickets opened through it."""

    async def open(self, *, key: str | None = None, **changes: Any) -> httpx.Response:
        """Open a ticket about missing power at the caller's supply point, with changes to it or to the caller."""
        as_caller = {name: changes.pop(name) for name in ("sub", "roles", "codes") if name in changes}
        body = {
            "supply_point_id": "SP1",
            "kind": "repair",
            "category": "no_power",
            "description": "mất điện",
            **changes,
        }
        return await self.call("POST", "/v1/tickets", key=key or str(uuid4()), json=body, **as_caller)


Happens = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session")
def migrations() -> Path:
    """Return the folder of the service's migrations."""
    return SERVICE.migrations


@pytest.fixture(scope="session")
def grants() -> Grants:
    """Return what the service's processes may do."""
    return SERVICE.grants


@pytest.fixture
def clock() -> StandingClock:
    """Return a clock that stands at NOW."""
    return StandingClock(NOW)


@pytest.fixture
async def rooms(db: Database, database_url: str, clock: StandingClock, tokens: Issuer) -> AsyncIterator[ApiRooms]:
    """Wire the api as its process does."""
    settings = ApiSettings(database_url=SecretStr(database_url), oidc_issuer=tokens.url)
    async with serving(Foundation(NAME, "tests", settings, clock, db, Lifecycle())) as made:
        yield made


@pytest.fixture
async def api(rooms: ApiRooms, tokens: Issuer) -> AsyncIterator[TicketApi]:
    """Return the app, to be called without a socket."""
    async with client_for(build_app(rooms)) as client:
        yield TicketApi(client=client, tokens=tokens, audience=NAME, roles=("customer",), codes=(MINE,))


@pytest.fixture
def happens(rooms: ApiRooms, db: Database, clock: StandingClock) -> Happens:
    """Return a function that hands events, or the ids of deleted supply points, to the topics' doors."""
    doors = {
        topic.name: each.handle
        for each in (topic_supply_points.subscription(db), topic_outages.subscription(rooms.tickets))
        for topic in each.topics
    }

    async def hand_over(*events: Event | str) -> None:
        for event in events:
            topic = SupplyPointChanged.topic if isinstance(event, str) else event.topic
            await doors[topic.name]([envelope_of(event, clock.now())])

    return hand_over


def envelope_of(event: Event | str, now: datetime) -> Envelope:
    """Put an event, or a tombstone for an id, into an envelope."""
    if isinstance(event, str):
        return Envelope(uuid7(now), "/gridcare/tests", "gridcare.Tombstone", now, event, 0, None, None)
    return Envelope(uuid7(now), "/gridcare/tests", type_name(type(event)), now, event.key, event.version, None, event)


@pytest.fixture
def supply_point() -> Callable[..., SupplyPointChanged]:
    """Return a function that makes a supply point of MINE, with changes."""

    def make(supply_point_id: str = "SP1", **changes: Any) -> SupplyPointChanged:
        values: dict[str, Any] = {
            "version": 1,
            "customer_code": MINE,
            "transformer_id": "TR1",
            "feeder_id": "FD1",
            "substation_id": "SS1",
            "ward_code": "31117",
        }
        return SupplyPointChanged(supply_point_id=supply_point_id, **{**values, **changes})

    return make


@pytest.fixture
def cut() -> Callable[..., OutagePlanned]:
    """Return a function that makes a planned cut of the transformer TR1 from an hour ago to two hours from now."""

    def make(event: type[OutagePlanned] = OutagePlanned, **changes: Any) -> OutagePlanned:
        values: dict[str, Any] = {
            "version": 1,
            "outage_id": UUID(int=7),
            "kind": "planned",
            "revision": 1,
            "cause": "bảo trì lưới điện",
            "place": "KV 5, phường An Khánh",
            "windows": (Window(start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=2)),),
            "scope": Scope(transformer_ids=("TR1",)),
        }
        return event(**{**values, **changes})

    return make
