"""The outbox and its relay: in order within a key, at least once, by one relay a shard."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from gridcare.errors import Retryable
from gridcare.events import Envelope, Wire, decode
from gridcare.events.notices import BatchPlanned
from gridcare.kafka.produce import Producer
from gridcare.postgres import outbox
from gridcare.postgres.database import direct_connection
from gridcare.postgres.relay import run_relay
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.kafka import read_all
from gridcare.testing.waiting import eventually

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class Publisher:
    """Keeps what it was given; refuses while `down`."""

    sent: list[Wire] = field(default_factory=list)
    down: bool = False
    after_send = None

    async def send_batch(self, wires: list[Wire]) -> None:
        if self.down:
            raise Retryable("broker away")
        self.sent += wires
        if self.after_send:
            await self.after_send()

    @property
    def hints(self) -> list[tuple[str, int]]:
        return [(e.subject, e.sequence) for e in (decode(w.key, w.value, w.headers) for w in self.sent)]


def hint(batch_id: UUID, number: int) -> BatchPlanned:
    return BatchPlanned(version=number, batch_id=batch_id, channel="push", lane="bulk")


@pytest.fixture
def relaying(database_url):
    """Give a function that runs a relay as a task; it ends with the test."""
    running: list[tuple[Lifecycle, asyncio.Task[None]]] = []

    def start(publisher) -> Lifecycle:
        lifecycle = Lifecycle()
        work = run_relay(lifecycle, database_url=database_url, application_name="relay test", producer=publisher)
        running.append((lifecycle, asyncio.create_task(work)))
        return lifecycle

    start.running = running
    return start


@pytest.fixture(autouse=True)
async def _stop(relaying):
    yield
    for lifecycle, task in relaying.running:
        lifecycle.stop()
        await task


async def unsent(db) -> int:
    async with db.read() as c:
        return await c.fetchval("SELECT count(*) FROM outbox")


async def test_what_is_rolled_back_is_never_published(db, relaying):
    """An event of a transaction that failed does not leave the outbox."""
    publisher = Publisher()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await outbox.append(tx, [hint(uuid4(), 1)], source="tests", now=NOW)
            raise ZeroDivisionError
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 2)], source="tests", now=NOW)
    relaying(publisher)
    await eventually(lambda: len(publisher.sent) == 1)
    assert publisher.hints[0][1] == 2


async def test_writers_of_one_key_are_published_in_the_order_of_their_commits(db, relaying):
    """Twelve writers, three relays, eight keys that each writer locks: none lost, none before its predecessor."""
    publishers = [Publisher() for _ in range(3)]
    for publisher in publishers:
        relaying(publisher)
    keys = [uuid4() for _ in range(8)]
    numbers = dict.fromkeys(keys, 0)

    async def write(n: int) -> None:
        for i in range(20):
            key = keys[(n + i) % len(keys)]
            async with db.transaction() as tx:
                await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", str(key))
                numbers[key] += 1
                await outbox.append(tx, [hint(key, numbers[key])], source="tests", now=NOW)

    await asyncio.gather(*(write(n) for n in range(12)))
    await eventually(lambda: sum(len(p.sent) for p in publishers) == 240)
    for key in keys:
        of_key = [n for p in publishers for k, n in p.hints if k == str(key)]
        assert of_key == list(range(1, numbers[key] + 1))
    assert await unsent(db) == 0


async def test_a_broker_that_is_away_loses_nothing(db, relaying):
    """Rows wait while the broker refuses, and go when it is back."""
    publisher = Publisher(down=True)
    relaying(publisher)
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 1)], source="tests", now=NOW)
    await asyncio.sleep(0.3)
    assert await unsent(db) == 1
    publisher.down = False
    await eventually(lambda: len(publisher.sent) == 1)


async def test_a_crash_between_acknowledgement_and_delete_publishes_again_under_the_same_id(db, relaying, database_url):
    """The second relay repeats the record with the same ce_id, and nothing else."""
    first, second = Publisher(), Publisher()

    async def connection_dies() -> None:
        async with direct_connection(database_url, application_name="killer") as c:
            await c.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'relay test'"
            )

    first.after_send = connection_dies
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 1)], source="tests", now=NOW)
    lifecycle = relaying(first)
    await eventually(lambda: len(first.sent) >= 1)
    lifecycle.stop()
    await eventually(lambda: all(task.done() for _, task in relaying.running))
    assert await unsent(db) == 1
    relaying(second)
    await eventually(lambda: len(second.sent) == 1)
    assert dict(second.sent[0].headers)["ce_id"] == dict(first.sent[0].headers)["ce_id"]


async def test_a_second_relay_takes_over_when_the_first_one_dies(db, relaying):
    """Shards are free as soon as the connection that locked them is gone."""
    first, second = Publisher(), Publisher()
    dying = relaying(first)
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 1)], source="tests", now=NOW)
    await eventually(lambda: len(first.sent) == 1)
    relaying(second)
    dying.stop()
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(uuid4(), 2) for _ in range(20)], source="tests", now=NOW)
    await eventually(lambda: len(first.sent) + len(second.sent) == 21)
    assert second.sent


async def test_tombstones_and_events_reach_a_real_broker_with_their_headers(db, relaying, kafka_bootstrap, new_topic):
    """What a real broker keeps is what was appended, null value included."""
    tombstone = Envelope(uuid4(), "/gridcare/tests", "gridcare.Tombstone", NOW, "SP1", 0, None, None)
    topic = await new_topic(compacted=True)
    async with Producer(kafka_bootstrap, client_id="relay-test") as producer:
        relaying(producer)
        async with db.transaction() as tx:
            await outbox.append_envelopes(tx, [(tombstone, topic)])
        await eventually(lambda: _empty(db))
        [record] = await read_all(kafka_bootstrap, topic.name)
    assert (record.key, record.value) == (b"SP1", None)
    assert dict(record.headers)["ce_subject"] == b"SP1"
    for lifecycle, task in relaying.running:
        lifecycle.stop()
        await task


async def _empty(db) -> bool:
    return await unsent(db) == 0


async def test_an_event_that_no_record_can_hold_is_refused_before_it_is_written(db):
    """The transaction fails at the append, and nothing of it stays."""
    big = hint(uuid4(), 1)
    wide = Envelope(
        uuid4(), "/gridcare/tests", "gridcare.BatchPlanned", NOW, "x" * outbox.RECORD_SIZE_MAX_BYTES, 1, None, big
    )
    with pytest.raises(outbox.RecordTooLarge):
        async with db.transaction() as tx:
            await outbox.append_envelopes(tx, [(wide, big.destination())])
    assert await unsent(db) == 0
