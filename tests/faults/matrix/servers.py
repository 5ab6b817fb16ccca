"""Faults of PostgreSQL and Kafka: stopped, killed, frozen, cut off, slow, full."""

import asyncio
import signal
import time
from typing import Final

import asyncpg
import httpx
import msgspec
from tests.faults.campaign import Campaign
from tests.faults.judge.evidence import BILLING, NOTIFIER, REPAIR
from tests.faults.matrix.fault import Broken, Fault
from tests.faults.rig.proxy import BLACK_HOLE, DEAF, MUTE, REFUSING, Weather
from tests.faults.work.caller import new_key

AWAY_S = 15.0
"""Ten minutes in an outage of a real broker; the point is what happens on both sides of it, not its length."""

BUSINESS: Final[dict[str, float]] = {"tickets": 4, "payments": 2, "cuts": 0.3}
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM (
    SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname <> 'postgres' ORDER BY random() LIMIT $1
) AS chosen
"""
REFUSAL_MAX_S = 2.0
"""A caller whose database is slow waits for a connection for less than a second, then is told to come back."""


async def _acknowledged(run: Campaign, kind: str) -> int:
    return sum(each.acknowledged for each in run.journal.of(kind))


async def kafka_away(run: Campaign) -> str:
    """Intake goes on without a broker; the outbox keeps what is to be published."""
    before = await _acknowledged(run, "ticket")
    await asyncio.to_thread(run.rig.kill, "kafka")
    run.work.start(tickets=4, payments=2, cuts=0.6)
    await run.work.publish_and_revise(times=2)  # so that several events of one key wait for the broker
    await asyncio.sleep(AWAY_S)
    await run.work.finish()
    taken = await _acknowledged(run, "ticket") - before
    waiting = (await run.rig.fetch(REPAIR, "SELECT count(*) FROM outbox"))[0][0]
    await asyncio.to_thread(run.rig.stack.restart, "kafka")
    if not taken or waiting < taken:
        raise Broken(f"without a broker {taken} tickets were taken and {waiting} events kept")
    began = time.monotonic()

    async def drained() -> bool:
        return not (await run.rig.fetch(REPAIR, "SELECT count(*) FROM outbox"))[0][0]

    if not await run.until(drained, timeout_s=120):
        raise Broken("the outbox did not drain within two minutes")
    return f"broker killed for {AWAY_S:.0f} s: {taken} tickets taken, drained in {time.monotonic() - began:.0f} s"


async def kafka_hung(run: Campaign) -> str:
    run.work.start(**BUSINESS)
    await asyncio.sleep(2)
    run.rig.signal("kafka", signal.SIGSTOP)
    await asyncio.sleep(AWAY_S)
    run.rig.signal("kafka", signal.SIGCONT)
    await asyncio.sleep(2)
    await run.work.finish()
    return f"broker stopped (SIGSTOP) for {AWAY_S:.0f} s under load"


async def resets_in_produce(run: Campaign) -> str:
    run.work.start(**BUSINESS)
    for _ in range(5):
        run.rig.kafka.set(Weather(reset_after_bytes=run.dice.randrange(200, 6_000)))
        await asyncio.sleep(1.5)
        run.rig.kafka.heal()
        await asyncio.sleep(1)
    await run.work.finish()
    return f"{run.rig.kafka.resets} connections to the broker reset in the middle of requests"


async def postgres_crashes(run: Campaign) -> str:
    run.work.start(**BUSINESS)
    for _ in range(2):
        await asyncio.sleep(3)
        await asyncio.to_thread(run.rig.stop_postgres_at_once)
        run.rig.tally.kills["postgres"] += 1
        await asyncio.to_thread(run.rig.stack.restart, "postgres")
    came_back = await run.until(run.rig.ready, timeout_s=60)
    await run.work.finish()
    if not came_back:
        raise Broken("not every process was ready a minute after PostgreSQL's recovery")
    return "2 x immediate stop (SIGQUIT) of PostgreSQL with crash recovery"


async def sessions_end(run: Campaign) -> str:
    run.work.start(**BUSINESS)
    ended = 0
    connection = await asyncpg.connect(run.rig.admin_address(), timeout=20)
    try:
        for _ in range(12):
            await asyncio.sleep(run.dice.uniform(0.3, 1.2))
            ended += await connection.fetchval(TERMINATE, 3)
    finally:
        await connection.close()
    run.rig.tally.kills["postgres-sessions"] += 12
    await run.work.finish()
    return f"pg_terminate_backend on {ended} random sessions"


async def database_slow(run: Campaign) -> str:
    """Half a second more for each answer of the database: those who cannot be served are told so soon."""
    name = "repair-intake-api"
    await asyncio.to_thread(run.rig.restart_with, name, database_pool_size="2")
    token = run.caller.token("customer", run.work.points[0][1])
    await run.caller.once("GET", REPAIR, "/v1/tickets", token=token)  # the process knows the issuer's keys from here on
    log = run.rig.part(name).log
    begun = log.stat().st_size
    run.rig.postgres.delay(0.25)  # each way

    async def ask(number: int) -> int:
        body = {"supply_point_id": run.work.points[number][0], "kind": "repair", "category": "no_power"}
        try:
            answer = await run.caller.once(
                "POST", REPAIR, "/v1/tickets", token=token, key=new_key(), body=body, timeout=40
            )
        except httpx.TransportError as error:
            raise Broken(f"no answer: {type(error).__name__}") from error
        if answer.status_code == 503 and "retry-after" not in answer.headers:
            raise Broken("503 without Retry-After")
        return answer.status_code

    port = run.rig.stack.settings.ports[f"{name}.health"]
    asked = asyncio.gather(*(ask(number) for number in range(60)))
    await asyncio.sleep(2)
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        alive = (await client.get(f"http://127.0.0.1:{port}/livez")).status_code
    statuses = await asked
    run.rig.postgres.heal()
    refused = _refusals(log.read_bytes()[begun:])
    others = set(statuses) - {200, 201, 404, 409, 429, 503}
    if (
        alive != 200
        or others
        or len(refused) != statuses.count(503)
        or not 0 < max(refused, default=0) <= REFUSAL_MAX_S
    ):
        raise Broken(
            f"livez {alive}, odd answers {others}, {len(refused)} refusals, slowest {max(refused, default=0):.1f} s"
        )
    return f"+500 ms, pool of 2, 60 at once: {len(refused)} x 503 within {max(refused):.1f} s"


def _refusals(log: bytes) -> list[float]:
    """Return the seconds that each 503 took by the service's own clock; the campaign's, on a busy machine, is no judge."""
    lines = (msgspec.json.decode(line) for line in log.splitlines() if b'"request_served"' in line)
    return [line["duration_ms"] / 1000 for line in lines if line["status"] == 503]


async def old_transaction(run: Campaign) -> str:
    connections = [
        await asyncpg.connect(run.rig.admin_address(name), timeout=20) for name in (NOTIFIER, REPAIR, BILLING)
    ]
    began = []
    for connection in connections:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        await connection.fetchval("SELECT count(*) FROM outbox")
        began.append(transaction)
    await run.busy(10, **BUSINESS)

    async def drained() -> bool:
        counts = [await run.rig.fetch(name, "SELECT count(*) FROM outbox") for name in (NOTIFIER, REPAIR, BILLING)]
        return not any(rows[0][0] for rows in counts)

    moves = await run.until(drained, timeout_s=60)
    for transaction, connection in zip(began, connections, strict=True):
        await transaction.rollback()
        await connection.close()
    if not moves:
        raise Broken("the relays waited for a transaction that was idle")
    return "a transaction left open in each database while business went on"


async def partitions(run: Campaign) -> str:
    run.work.start(**BUSINESS)
    done = []
    for proxy, name in ((run.rig.postgres, "PostgreSQL"), (run.rig.kafka, "Kafka")):
        for weather, kind in (
            (MUTE, "answers lost"),
            (DEAF, "requests lost"),
            (BLACK_HOLE, "both"),
            (REFUSING, "refused"),
        ):
            await asyncio.sleep(1)
            proxy.set(weather)
            await asyncio.sleep(4)
            proxy.heal()
            done.append(f"{name} {kind}")
    await run.work.finish()
    return f"{len(done)} partitions of 4 s, one way and both, from PostgreSQL and from Kafka"


SERVER_FAULTS: Final = (
    Fault(6, "Kafka away", kafka_away),
    Fault(7, "Kafka hung", kafka_hung),
    Fault(8, "connections reset in the middle of requests", resets_in_produce),
    Fault(14, "PostgreSQL crashes", postgres_crashes),
    Fault(15, "database sessions ended at random", sessions_end),
    Fault(16, "slow database, small pool", database_slow),
    Fault(17, "a transaction left open", old_transaction),
    Fault(30, "partitions, one way and both", partitions),
)
