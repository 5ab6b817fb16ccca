"""A running stack with a town in it, and what the tests do with them."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
from tests.integration.support.together import run, wait_until

from gridcare.values.clock import SystemClock
from gridcare_local.demo.client import Client
from gridcare_local.demo.cut import NOTIFIER, OPEN
from gridcare_local.demo.load import Town
from gridcare_local.demo.site import StackSite
from gridcare_local.emulators.control import free_port
from gridcare_local.emulators.journal import read_lines
from gridcare_local.stack.parts import ProcessPart
from gridcare_local.stack.probes import http_probe
from gridcare_local.stack.stack import Stack
from gridcare_local.town.records import Contact, Device
from gridcare_local.town.world import DemoWorld

SUPPLY_POINTS = 1_200
SEED = 7
CANARIES = 12
TOLD_TIMEOUT_S = 120.0

FAST = {
    "GRIDCARE_LEASE_S": "4",
    "GRIDCARE_CALL_TIMEOUT_S": "2",
    "GRIDCARE_PLANNER_LEASE_S": "2",
    "GRIDCARE_HINT_SILENT_S": "2",
    "GRIDCARE_UNKNOWN_FIRST_LOOK_AFTER_S": "2",
    "GRIDCARE_UNKNOWN_SECOND_LOOK_AFTER_S": "4",
    "GRIDCARE_BREAKER_PAUSE_S": "2",
    "GRIDCARE_PUSH_CONCURRENCY": "200",
}
"""Leases and look-up delays of seconds instead of minutes: the tests depend on their order, not their length. Fewer
pushes are in flight at once, so that a notice to a small town lasts long enough to be interrupted."""

PUSHES_IN_FLIGHT_MAX = 200
"""The calls that a sender has in flight in a lane (push_concurrency)."""


CODES_A_TOKEN = 50
"""A header has no room for the codes of the whole town."""

RECEIPT_WAITS = """
SELECT 1 FROM receipt r WHERE applied_at IS NULL AND (apply_at <= received_at OR EXISTS (
    SELECT FROM attempt a WHERE concat_ws('.', a.batch_id, a.place, a.try) = r.attempt_name
        AND a.batch_id = split_part(r.attempt_name, '.', 1)::uuid)) LIMIT 1"""
AWAITING = """
SELECT d.notice_id || '-' || d.number, d.recipient_id FROM delivery d JOIN notice n USING (notice_id)
WHERE n.outage_id = $1 AND d.state = 'awaiting'
"""


@dataclass(frozen=True)
class Person:
    """A customer of the town with their first supply point, contacts and devices."""

    code: str
    supply_point_id: str
    feeder_id: str
    contacts: tuple[Contact, ...]
    devices: tuple[Device, ...]


@dataclass
class Whole:
    """A running stack with a town loaded into it."""

    stack: Stack
    town: Town
    world: DemoWorld

    @property
    def now(self) -> datetime:
        """The time according to the clock of the stack's processes."""
        return SystemClock(self.stack.settings.clock_offset_s).now()

    @property
    def site(self) -> StackSite:
        """The stack, as the demo's people reach it."""
        return StackSite(self.stack)

    def client(self, role: str, *codes: str) -> Client:
        """Return a client with a role; a customer has these codes."""
        return Client(self.site, role, codes)

    def people(self) -> list[Person]:
        """Return the town's customers, each with the first of their supply points."""
        points = {}
        for point in self.world.supply_points():
            points.setdefault(point.customer_code, point)
        contacts: dict[str, list[Contact]] = {code: [] for code in points}
        devices: dict[str, list[Device]] = {code: [] for code in points}
        for contact in self.world.contacts():
            contacts[contact.customer_code].append(contact)
        for device in self.world.devices():
            devices[device.customer_code].append(device)
        return [
            Person(code, point.supply_point_id, point.feeder_id, tuple(contacts[code]), tuple(devices[code]))
            for code, point in points.items()
        ]

    def on_push(self) -> list[Person]:
        """Return the customers with one device and one phone of their own as fallback."""
        shared = _shared_phones(self.people())
        return [
            person
            for person in self.people()
            if len(person.devices) == 1
            and len(person.contacts) == 1
            and person.contacts[0].consent
            and person.contacts[0].phone not in shared
        ]

    def on_sms(self) -> list[Person]:
        """Return the customers without a device and with one phone that they share with nobody."""
        shared = _shared_phones(self.people())
        return [
            person
            for person in self.people()
            if not person.devices
            and len(person.contacts) == 1
            and person.contacts[0].consent
            and person.contacts[0].phone not in shared
        ]

    def script(self, provider: str, rules: Sequence[Mapping[str, object]]) -> None:
        """Replace the script of a provider's emulator."""
        ca_file = self.stack.catalog.emulator_dir("fcm") / "ca.pem"
        url = f"{self.stack.catalog.emulator_url(provider)}/_emulator/script"
        with httpx.Client(verify=ssl.create_default_context(cafile=ca_file), trust_env=False) as client:
            client.put(url, json=list(rules)).raise_for_status()

    def journal(self, provider: str, kind: str = "accepted") -> list[dict[str, Any]]:
        """Return the lines of a kind in a provider's journal."""
        path = self.stack.catalog.emulator_dir(provider) / "journal.jsonl"
        lines = (msgspec.json.decode(line) for line in read_lines(path))
        return [line for line in lines if line["kind"] == kind]

    def query(self, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
        """Return the rows of a query in a service's database."""

        async def fetch() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.stack.settings.addresses[service.replace("-", "_")])
            try:
                return await connection.fetch(sql, *values)
            finally:
                await connection.close()

        return run(fetch())

    def second(self, name: str) -> ProcessPart:
        """Return a second process of a kind, to be started next to the stack's own."""
        part = self.stack.catalog.service_part(name)
        port = free_port()
        return replace(
            part,
            name=f"{name}-2",
            environment={**part.environment, "GRIDCARE_HEALTH_PORT": str(port)},
            probe=http_probe(f"http://127.0.0.1:{port}/readyz"),
        )

    def draft(self, *, mark: str, feeder_ids: Sequence[str] = (), start: datetime | None = None) -> str:
        """Create a planned cut of these feeders (all by default), by default in a week, and return its id."""
        body = self.document(mark=mark, feeder_ids=feeder_ids, start=start) | {"kind": "planned"}
        return str(self.client("planner").post(NOTIFIER, "/v1/outages", body)["outage_id"])

    def document(
        self, *, mark: str, feeder_ids: Sequence[str] = (), start: datetime | None = None, hours: int = 3
    ) -> dict[str, Any]:
        """Return the body of an outage. Its place contains `mark`, which identifies its messages in the journals."""
        begins = start or (self.now + timedelta(days=7)).replace(hour=1, minute=0, second=0, microsecond=0)
        return {
            "cause": "Bảo trì lưới điện",
            "place": f"TP. Cần Thơ {mark}",
            "windows": [{"start": begins.isoformat(), "end": (begins + timedelta(hours=hours)).isoformat()}],
            "scope": {"feeder_ids": list(feeder_ids or self.town.feeder_ids)},
        }

    def change(self, outage_id: str, verb: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Publish, revise, cancel or restore an outage as a planner, and return the answer."""
        answer: dict[str, Any] = self.client("planner").post(NOTIFIER, f"/v1/outages/{outage_id}/{verb}", body or {})
        return answer

    def notices(self, outage_id: str) -> list[dict[str, Any]]:
        """Return the notices of an outage with the states of their deliveries."""
        page = self.client("planner").get(NOTIFIER, f"/v1/outages/{outage_id}/notices?limit=200")
        notices: list[dict[str, Any]] = page["items"]
        return notices

    def settled(self, outage_id: str) -> int:
        """Return the number of an outage's settled deliveries."""
        return sum(
            count
            for notice in self.notices(outage_id)
            for state, count in notice["states"].items()
            if state not in OPEN
        )

    def receive(self, outage_id: str) -> int:
        """Send the app's received mark for every push that awaits one, and return their number."""
        awaiting = [tuple(row) for row in self.query(NOTIFIER, AWAITING, outage_id)]
        for start in range(0, len(awaiting), CODES_A_TOKEN):
            some = awaiting[start : start + CODES_A_TOKEN]
            app = self.client("customer", *(code for _, code in some))
            for delivery_id, _ in some:
                app.post(NOTIFIER, f"/v1/deliveries/{delivery_id}/received", {})
        return len(awaiting)

    def wait_told(self, outage_id: str, *, timeout_s: float = TOLD_TIMEOUT_S) -> None:
        """Wait until every due notice of an outage is settled and every receipt is applied.

        Pushes whose template waits for the app's received mark get it, half an hour before an SMS would follow.
        """

        def told() -> bool:
            return not any(_open(notice, self.now) for notice in self.notices(outage_id)) and not self.receive(
                outage_id
            )

        wait_until(told, what=f"everybody is told of {outage_id}", timeout_s=timeout_s)
        wait_until(self.receipts_applied, what="every receipt is applied", timeout_s=timeout_s)

    def receipts_applied(self) -> bool:
        """Return whether the notifier has applied every receipt, also those it put off until their calls are recorded."""
        return not self.query(NOTIFIER, RECEIPT_WAITS)


def _open(notice: Mapping[str, Any], now: datetime) -> bool:
    if datetime.fromisoformat(notice["due_at"]) > now or notice["state"] == "superseded":
        return False
    if any(notice["states"].get(state) for state in OPEN if state != "awaiting"):
        return True
    return bool(notice["state"] == "scheduled")


def _shared_phones(people: Sequence[Person]) -> set[str]:
    owners: dict[str, set[str]] = {}
    for person in people:
        for contact in person.contacts:
            owners.setdefault(contact.phone, set()).add(person.code)
    return {phone for phone, codes in owners.items() if len(codes) > 1}
