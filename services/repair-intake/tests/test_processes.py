"""The service's own processes, as ops starts them: a ticket's whole way over a real broker."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import httpx

from gridcare.events import Envelope, decode, encode, type_name
from gridcare.events.outages import Window
from gridcare.events.tickets import TicketAttached
from gridcare.events.topics import TICKETS
from gridcare.kafka.admin import ensure_topics
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.produce import Producer
from gridcare.testing.kafka import read_all
from gridcare.testing.waiting import eventually
from gridcare.values.ids import uuid7
from gridcare_local.servers.ports import claim_ports
from gridcare_local.testing.servers import empty_database
from repair_intake import NAME

PROCESSES = ("api", "consumer", "relay", "worker")
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30


@asynccontextmanager
async def _process(name: str, environment: dict[str, str]):
    """Run a process for the time of the block, stop it with SIGTERM and check that it ends with status 0."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "repair_intake", name),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield running
        if running.returncode is None:
            running.send_signal(signal.SIGTERM)
        output, _ = await asyncio.wait_for(running.communicate(), STOP_TIMEOUT_S)
        assert running.returncode == 0, output.decode()
    finally:
        if running.returncode is None:
            running.kill()
            await running.communicate()


async def _publish(bootstrap: str, *events) -> None:
    now = datetime.now(UTC)
    envelopes = [
        Envelope(uuid7(now), "/gridcare/tests", type_name(type(event)), now, event.key, event.version, None, event)
        for event in events
    ]
    async with Producer(Brokers(bootstrap), client_id="tests") as producer:
        await producer.send_batch([encode(each, topic=each.data.topic) for each in envelopes])


async def _ready(client: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def test_a_tickets_whole_way(own_kafka, postgres_admin_url, grants, tokens, tmp_path, *, supply_point, cut):
    """On an empty database: a supply point and a cut come in, a ticket is attached, and its event goes out."""
    api, *health = claim_ports(tmp_path, 1 + len(PROCESSES))
    await ensure_topics(Brokers(own_kafka.bootstrap))
    now = datetime.now(UTC)
    outage = cut(windows=(Window(start=now - timedelta(hours=1), end=now + timedelta(hours=1)),))
    await _publish(own_kafka.bootstrap, supply_point(), outage)
    async with empty_database(postgres_admin_url, grants) as urls, httpx.AsyncClient() as client:
        environment = {
            "GRIDCARE_DATABASE_URL": urls.app,
            "GRIDCARE_KAFKA_BOOTSTRAP": own_kafka.bootstrap,
            "GRIDCARE_OIDC_ISSUER": tokens.url,
            "GRIDCARE_HTTP_HOST": "127.0.0.1",
            "GRIDCARE_HTTP_PORT": str(api),
        }
        async with _process("migrate", {**environment, "GRIDCARE_DATABASE_OWNER_URL": urls.owner}) as migrate:
            await asyncio.wait_for(migrate.wait(), START_TIMEOUT_S)
        async with _all_processes(environment, health):
            for port in health:
                await eventually(lambda port=port: _ready(client, port), timeout_s=START_TIMEOUT_S)
            await eventually(lambda: _projected(urls.app))
            ticket = await _open(client, api, tokens)
            assert ticket["state"] == "attached"
            await eventually(lambda: _is_published(own_kafka.bootstrap, ticket["ticket_id"]))


@asynccontextmanager
async def _all_processes(environment, health):
    ports = [{"GRIDCARE_HEALTH_PORT": str(port)} for port in health]
    first, second, third, fourth = (
        _process(name, {**environment, **port}) for name, port in zip(PROCESSES, ports, strict=True)
    )
    async with first, second, third, fourth:
        yield


async def _projected(url: str) -> bool:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        return await connection.fetchval(
            "SELECT (SELECT count(*) FROM supply_point) + (SELECT count(*) FROM outage) = 2"
        )
    finally:
        await connection.close()


async def _open(client: httpx.AsyncClient, port: int, tokens) -> dict:
    """Open a ticket as the app does."""
    token = tokens.token(audience=NAME, roles=["customer"], customer_codes=["PB11010012345"])
    answer = await client.post(
        f"http://127.0.0.1:{port}/v1/tickets",
        headers={"authorization": f"Bearer {token}", "idempotency-key": str(uuid4())},
        json={"supply_point_id": "SP1", "kind": "repair", "category": "no_power"},
    )
    return answer.json()


async def _is_published(bootstrap: str, ticket_id: str) -> bool:
    records = await read_all(Brokers(bootstrap), TICKETS.name)
    envelopes = [decode(record.key, record.value, record.headers) for record in records]
    return any(each.subject == ticket_id and isinstance(each.data, TicketAttached) for each in envelopes)
