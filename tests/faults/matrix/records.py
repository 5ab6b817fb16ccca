"""Faults of records: poison, too large, delivered again, replayed, of a type that is not known yet; members that come and go."""

import asyncio
import json
import signal
import subprocess
from typing import Final
from uuid import uuid4

from tests.faults.campaign import Campaign
from tests.faults.judge.evidence import NOTIFIER, REPAIR
from tests.faults.matrix.fault import Broken, Fault
from tests.faults.matrix.providers import script
from tests.faults.rig.topics import Seen, is_dead_letter

from gridcare.events.envelope import Wire
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.produce import Producer
from gridcare_local.stack.parts import clean_environment

READ_BY_NOTIFIER: Final = ("tickets.v1", "payments.v1", "supply-points.v1")
DEAD_LETTER_TIMEOUT_S: Final = 30.0
LARGE_BYTES: Final = 2_000_000
INSERT_LARGE: Final = """
INSERT INTO outbox (shard, event_id, topic, key, value, headers)
VALUES (3, gen_random_uuid(), 'tickets.v1', 'too-large', convert_to(repeat('x', $1), 'UTF8'), '[]')
"""
STALL_S: Final = 16.0
"""Longer than the stack's session timeout (10 s): the group gives the partitions to somebody else."""
CUTS_REVISED: Final = 3
"""Each has four versions: that the newest of every cut comes last by chance, when all come again, is seldom."""


async def produce(run: Campaign, wires: list[Wire]) -> None:
    """Put records on topics, as any program with the right to write could."""
    async with Producer(Brokers(f"127.0.0.1:{run.rig.kafka.port}"), client_id="campaign-faults") as producer:
        await producer.send_batch(wires)


def _again(seen: Seen, headers: list[tuple[str, bytes]]) -> Wire:
    return Wire(seen.topic, seen.key.encode(), seen.value, headers)


async def poison(run: Campaign) -> str:
    begun = len(run.topics.records)
    wires = [
        Wire(topic, b"poison", value, [("ce_specversion", b"1.0")])
        for topic in (*READ_BY_NOTIFIER, "outages.v1")
        for value in (b"\xff not json", b"{}", b"[1]")
    ]
    run.work.start(tickets=3, payments=2)
    await produce(run, wires)
    expected = {f"{topic}.dlq" for topic in (*READ_BY_NOTIFIER, "outages.v1")}

    def put_aside() -> bool:
        return expected <= {each.topic for each in run.topics.records[begun:] if is_dead_letter(each.topic)}

    in_time = await run.until(put_aside, timeout_s=DEAD_LETTER_TIMEOUT_S)
    await run.work.finish()
    if not in_time:
        raise Broken(f"poison is not among the dead letters after {DEAD_LETTER_TIMEOUT_S:.0f} s")
    return f"{len(wires)} records that are no events, on four topics"


async def too_large(run: Campaign) -> str:
    """One record that the broker refuses for good must not stop its neighbours."""
    connection_rows = await run.rig.fetch(REPAIR, INSERT_LARGE, LARGE_BYTES)
    assert connection_rows == []
    await run.busy(8, tickets=6)

    async def only_it() -> bool:
        return (await run.rig.fetch(REPAIR, "SELECT count(*) FROM outbox WHERE key <> 'too-large'"))[0][0] == 0

    flows = await run.until(only_it, timeout_s=30)
    stays = (await run.rig.fetch(REPAIR, "SELECT count(*) FROM outbox WHERE key = 'too-large'"))[0][0]
    await run.rig.administer(REPAIR, "DELETE FROM outbox WHERE key = 'too-large'")
    if not flows or stays:
        raise Broken("a record of 2 MB stopped others" if not flows else "a record of 2 MB was not put aside")
    return "a row of 2 MB in the outbox of repair-intake"


async def members_come_and_go(run: Campaign) -> str:
    run.work.start(tickets=4, payments=2, cuts=0.3)
    churned = 0
    for name in ("outage-notifier-consumer", "outage-notifier-sender"):
        for _ in range(3):
            other = run.rig.second(name)
            await asyncio.to_thread(other.start)
            await asyncio.sleep(2)
            await asyncio.to_thread(other.stop)
            churned += 1
    await run.work.finish()
    return f"{churned} members joined and left while records flowed"


async def handler_stalls(run: Campaign) -> str:
    """Stop a consumer between commit and offset for longer than its session, while another takes over."""
    name = "outage-notifier-consumer"
    run.rig.hold(name)
    await asyncio.to_thread(run.rig.restart_with, name, crash_at="consumer.applied:2:stop")
    run.rig.hold(name)
    other = run.rig.second(name)
    await asyncio.to_thread(other.start)
    run.work.start(tickets=5, payments=2)
    await asyncio.sleep(STALL_S)
    run.rig.signal(name, signal.SIGCONT)
    await asyncio.sleep(4)
    await run.work.finish()
    await asyncio.to_thread(other.stop)
    run.rig.release(name)
    return f"a consumer stalled for {STALL_S:.0f} s between commit and offset, another took its partitions"


async def hints_twice(run: Campaign) -> str:
    """Hints come again while their batches are under way, to two senders: the lease decides who sends."""
    assert run.rig.town is not None
    slow = [{"match": {}, "action": {"latency_s": 0.4}}]
    for provider in ("twilio", "fcm"):
        await script(run, provider, slow)
    other = run.rig.second("outage-notifier-sender")
    await asyncio.to_thread(other.start)
    begun = len(run.topics.records)
    await run.work.publish(list(run.rig.town.feeder_ids))
    for _ in range(6):
        await asyncio.sleep(0.5)
        hints = [each for each in run.topics.records[begun:] if each.topic.startswith("notice-batches.")]
        await produce(run, [_again(each, _headers(each)) for each in hints])
    await run.calm_down()
    await asyncio.to_thread(other.stop)
    for provider in ("twilio", "fcm"):
        await script(run, provider, [])
    return "each hint six times more, two senders, slow providers"


def _headers(seen: Seen) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in seen.headers if name != "traceparent"]


async def everything_again(run: Campaign) -> str:
    """Produce records of the past again in another order, as from dead letters: nothing may change."""
    await run.busy(6, tickets=3, payments=2, cuts=0.5)
    for _ in range(CUTS_REVISED):
        await run.work.publish_and_revise(times=3)
    await run.calm_down()
    past = [
        each
        for each in run.topics.records
        if each.topic in {"tickets.v1", "payments.v1", "outages.v1"} and each.event_id and each.value
    ][-400:]
    run.dice.shuffle(past)
    notices = (await run.rig.fetch(NOTIFIER, "SELECT count(*) FROM notice"))[0][0]
    await produce(run, [_again(each, _headers(each)) for each in past])
    await run.calm_down()
    if (await run.rig.fetch(NOTIFIER, "SELECT count(*) FROM notice"))[0][0] != notices:
        raise Broken("events that had been applied made new notices")
    part = run.rig.part("outage-notifier-consumer")
    said = [await asyncio.to_thread(_replay, part.command[:-1], part.environment) for _ in range(2)]
    return f"{len(past)} events again, out of order; dead letters replayed twice: {' / '.join(said)}"


def _replay(command: object, environment: dict[str, str]) -> str:
    words = [*command, "dead-letters", "replay", "tickets.v1", "--group", "outage-notifier"]  # type: ignore[misc]
    done = subprocess.run(
        words, env=clean_environment(environment), capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise Broken(f"dead-letters replay: {done.stderr[-200:]}")
    return done.stdout.strip().splitlines()[-1]


async def newer_side(run: Campaign) -> str:
    """Do what a newer release does that is half deployed: a new column, an unknown type of event."""
    begun = len(run.topics.records)
    for service, table in ((REPAIR, "ticket"), (NOTIFIER, "delivery"), ("billing-gateway", "payment")):
        await run.rig.administer(service, f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS of_tomorrow text")
    run.work.start(tickets=3, payments=2, cuts=0.3)
    await produce(
        run, [_of_tomorrow(topic, key) for topic, key in (("tickets.v1", "ticket_id"), ("outages.v1", "outage_id"))]
    )
    await asyncio.sleep(6)
    await run.work.finish()
    await run.calm_down()
    aside = [each for each in run.topics.records[begun:] if is_dead_letter(each.topic)]
    if aside:
        raise Broken(f"{len(aside)} events of a newer release became dead letters")
    return "one column more in a table of each service, one unknown event type on two topics"


def _of_tomorrow(topic: str, key_field: str) -> Wire:
    key = str(uuid4())
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_source": "/gridcare/tomorrow",
        "ce_type": "gridcare.SomethingOfTomorrow",
        "ce_time": "2026-11-24T00:00:00.000000+00:00",
        "ce_subject": key,
        "ce_sequence": "1",
        "ce_aggregateversion": "1",
        "content-type": "application/json",
    }
    value = json.dumps({"version": 1, key_field: key}).encode()
    return Wire(topic, key.encode(), value, [(name, text.encode()) for name, text in headers.items()])


RECORD_FAULTS: Final = (
    Fault(9, "a record that the broker refuses", too_large),
    Fault(11, "members join and leave", members_come_and_go),
    Fault(12, "a handler slower than its session", handler_stalls),
    Fault(13, "poison", poison),
    Fault(32, "a newer release beside this one", newer_side),
    Fault(33, "events and dead letters again", everything_again),
)
EXTRA_FAULTS: Final = (Fault(36, "hints again while their batches are under way", hints_twice),)
"""Beside the matrix, for the seeded bugs that only this shows."""
