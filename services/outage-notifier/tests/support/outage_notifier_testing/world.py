"""A world for flows to work in: a database of the test's own, a clock that stands, and customers with their contacts."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from gridcare.events.outages import Scope, Window
from gridcare.postgres.database import Database
from gridcare.postgres.schema.grants import Grants
from gridcare.testing.clock import StandingClock
from gridcare.values.ids import uuid7
from outage_notifier.__main__ import SERVICE
from outage_notifier.contacts.vault import DEVICE, PHONE, Vault
from outage_notifier.ledger.core.delivery import RECORDED
from outage_notifier.ledger.core.notice import Intent, NewNotice
from outage_notifier.ledger.store import notice
from outage_notifier.outages.core.outage import OutageDocument

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
"""10:00 in Can Tho, outside the quiet hours."""

SLOTS: Mapping[str, Any] = {
    "place": "KV 5, phường An Khánh",
    "place_by_language": {},
    "cause": "bảo trì lưới điện",
    "cause_by_language": {},
    "windows": [["2026-12-02T03:00:00+00:00", "2026-12-02T06:00:00+00:00"]],
    "reference": "T-7K3M9Q",
    "expected_end_at": None,
    "amount_vnd": 896_125,
    "bill_number": "HD202610-0001",
}
"""What fills every template."""


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


@pytest.fixture(scope="session")
def vault() -> Vault:
    """Return a vault with keys of the tests' own."""
    key = base64.b64encode(bytes(32)).decode()
    return Vault.of_settings(f"t1:{key}", key, bound=True)


@dataclass
class World:
    """Customers, outages and notices, written as imports and planners would leave them; and the books of notices."""

    db: Database
    clock: StandingClock
    vault: Vault
    owner_db: Database
    """For tests that do by hand what no process may."""

    async def customer(
        self, code: str, *, feeder: str = "FD1", phones: Sequence[str] = (), devices: Sequence[str] = (), **changes: Any
    ) -> None:
        """Add a customer with one supply point, `SP-<code>`, on a feeder.

        `phones` are E.164 numbers, `devices` registrations: one that is added again is shared. `changes` are `consent`
        (True) to be sent to these phones, whether they are `verified` (True), and `language` ("vi").
        """
        consent, verified = changes.get("consent", True), changes.get("verified", True)
        language = changes.get("language", "vi")
        async with self.db.transaction() as tx:
            await tx.execute(
                "INSERT INTO supply_point VALUES ($1, $2, 'TR1', $3, 'SS1', '31117', 1)", f"SP-{code}", code, feeder
            )
            await tx.execute("INSERT INTO customer (customer_code, language) VALUES ($1, $2)", code, language)
            for number in phones:
                await tx.execute(
                    "INSERT INTO phone (customer_code, number_sealed, number_index, masked, consent, verified, created_at)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    *(code, self.vault.seal(number.encode(), PHONE, row=code), self.vault.index(number, PHONE)),
                    *(f"*{number[-2:]}", consent, verified, self.clock.now()),
                )
            for registration in devices:
                await self._device(tx, code, registration)

    async def _device(self, tx: Any, code: str, registration: str) -> None:
        new_id = uuid4()
        device_id = await tx.fetchval(
            "INSERT INTO device VALUES ($1, $2, 'token', $3, $4, 'android', $5, $5)"
            " ON CONFLICT (registration_index) DO UPDATE SET seen_at = excluded.seen_at RETURNING device_id",
            *(new_id, code, self.vault.seal(registration.encode(), DEVICE, row=str(new_id))),
            *(self.vault.index(registration, DEVICE), self.clock.now()),
        )
        await tx.execute("INSERT INTO device_customer VALUES ($1, $2)", code, device_id)

    async def outage(
        self,
        *,
        feeders: Sequence[str] = ("FD1",),
        scope: Scope | None = None,
        revision: int = 1,
        outage_id: UUID | None = None,
    ) -> UUID:
        """Write a published revision of an outage that starts in two days; with `outage_id` a later one of the same.

        It cuts the `feeders`, or a `scope`.
        """
        start = self.clock.now() + timedelta(days=2)
        document = OutageDocument(
            cause="bảo trì lưới điện",
            place="KV 5, phường An Khánh",
            windows=(Window(start=start, end=start + timedelta(hours=3)),),
            scope=scope or Scope(feeder_ids=tuple(feeders)),
        )
        text = msgspec.json.encode(document).decode()
        outage_id = outage_id or uuid7(self.clock.now())
        async with self.db.transaction() as tx:
            await tx.execute(
                "INSERT INTO outage VALUES ($1, 'planned', 'published', $2, 1, $3, 'planner', $4, $4)"
                " ON CONFLICT (outage_id) DO UPDATE SET revision = excluded.revision",
                *(outage_id, revision, text, self.clock.now()),
            )
            await tx.execute(
                "INSERT INTO outage_revision VALUES ($1, $2, 'published', $3, '', 'planner', $4)",
                *(outage_id, revision, text, self.clock.now()),
            )
        return outage_id

    async def notice(self, outage_id: UUID | None, *, revision: int | None = 1, **changes: Any) -> UUID:
        """Schedule a notice that is due now: an announcement to whom the outage cuts, unless `changes` say otherwise.

        `changes` are fields of Intent and NewNotice.
        """
        intent: dict[str, Any] = {
            "kind": "announcement",
            "audience_rule": "scope_untold",
            "due_at": self.clock.now(),
            "useful_until": self.clock.now() + timedelta(days=2),
            "slots": SLOTS,
        }
        about = {name: changes.pop(name) for name in ("tag", "recipient_id", "cause_event_id") if name in changes}
        new = NewNotice(
            notice_id=uuid7(self.clock.now()),
            intent=Intent(**{**intent, **changes}),
            outage_id=outage_id,
            revision=revision,
            **{"tag": f"outage-{outage_id}", **about},
        )
        async with self.db.transaction() as tx:
            await notice.schedule(tx, [new], now=self.clock.now())
        return new.notice_id

    async def books(self, *notice_ids: UUID) -> dict[str, int]:
        """Sum the notices' home batches by state, and check the sums against the audience and the deliveries' own rows."""
        async with self.db.read() as c:
            sums = ", ".join(f"coalesce(sum({s}), 0)::int AS {s}" for s in RECORDED)
            row = await c.fetchrow(
                f"SELECT coalesce(sum(size), 0)::int AS size, {sums} FROM batch WHERE home AND notice_id = ANY($1)",
                list(notice_ids),
            )
            rows = await c.fetch(
                "SELECT state, count(*) AS n FROM delivery WHERE notice_id = ANY($1) GROUP BY 1", list(notice_ids)
            )
            audience = await c.fetchval(
                "SELECT sum(audience)::int FROM notice WHERE notice_id = ANY($1)", list(notice_ids)
            )
        counted = {state: row[state] for state in RECORDED if row[state]}
        assert counted == {r["state"]: r["n"] for r in rows}
        assert row["size"] == audience
        unrecorded = row["size"] - sum(counted.values())
        return counted | ({"planned": unrecorded} if unrecorded else {})

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds, as plain tuples."""
        async with self.db.read() as c:
            return [tuple(row) for row in await c.fetch(query, *values)]

    async def batches(self, where: str = "state = 'ready'") -> list[UUID]:
        """Return the ids of the batches that meet a condition, the oldest first."""
        async with self.db.read() as c:
            rows = await c.fetch(f"SELECT batch_id FROM batch WHERE {where} ORDER BY batch_id")
        return [row["batch_id"] for row in rows]


@pytest.fixture
def world(db: Database, clock: StandingClock, vault: Vault, owner_db: Database) -> World:
    """Return an empty world over the test's database."""
    return World(db, clock, vault, owner_db)
