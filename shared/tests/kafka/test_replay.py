"""Dead letters are listed and published again, once, for the group that put them aside."""

from collections.abc import Sequence

import pytest

from gridcare.errors import Rejected
from gridcare.events import Envelope, Topic
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.consume import Subscription
from gridcare.kafka.dead_letters.replay import DeadLetter, Replayed, dead_letters, replay
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.postgres.inbox import accept
from gridcare.testing.kafka import consuming, hint, poison, read_all, wires
from gridcare.testing.waiting import eventually
from gridcare_local.testing.servers import NewTopic


async def _listed(brokers: Brokers, topic: Topic, **choice) -> list[DeadLetter]:
    return [letter async for letter in dead_letters(brokers, topic.name, **choice)]


@pytest.fixture
async def rejected(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
) -> tuple[Topic, list[Envelope]]:
    """Return a topic on which `group` rejected two records as `odd` and one that is not an event."""
    topic = await new_topic(partitions=2)
    events = [hint(number) for number in range(1, 5)]
    seen = []

    async def handle(envelopes: Sequence[Envelope]) -> None:
        if envelopes[0].version % 2:
            raise Rejected("odd")
        seen.append(envelopes[0].version)

    await producer.send_batch([*wires(topic, events), poison(topic)])
    async with consuming(brokers, db, Subscription((topic,), handle), group=group):

        async def aside() -> bool:
            return len(seen) == 2 and len(await read_all(brokers, topic.dead_letters.name)) == 3

        await eventually(aside)
    return topic, events


async def test_listed_by_reason_and_group(brokers: Brokers, rejected: tuple[Topic, list[Envelope]], group: str):
    """A list shows where each record was and why it was put aside, filtered by reason and group, up to a limit."""
    topic, events = rejected
    odd = await _listed(brokers, topic, reason="odd")
    assert {letter.event_id for letter in odd} == {events[0].id, events[2].id}
    assert {(letter.topic, letter.group, letter.event_type) for letter in odd} == {
        (topic.name, group, "gridcare.BatchPlanned")
    }
    (other,) = await _listed(brokers, topic, reason="not-cloudevents")
    assert (other.event_id, other.error_class) == (None, "gridcare.errors.Rejected")
    assert len(await _listed(brokers, topic, group=group)) == 3
    assert len(await _listed(brokers, topic, limit=2)) == 2
    assert await _listed(brokers, topic, group="another") == []


async def test_replayed_to_the_group_alone(
    brokers: Brokers, db: Database, producer: Producer, rejected: tuple[Topic, list[Envelope]], group: str
):
    """The group that rejected a record gets it again with the same id; a group that handled it does not."""
    topic, events = rejected
    mine, others = [], []

    async def handle(envelopes: Sequence[Envelope]) -> None:
        mine.append(envelopes[0].id)

    async def handle_other(envelopes: Sequence[Envelope]) -> None:
        others.append(envelopes[0].id)

    done = await replay(
        brokers=brokers, db=db, producer=producer, topic=topic.name, group=group, actor="ops", reason="odd"
    )
    assert done == Replayed(matched=2, published=2, skipped=0)
    async with (
        consuming(brokers, db, Subscription((topic,), handle), group=group),
        consuming(brokers, db, Subscription((topic,), handle_other), group=f"{group}-other"),
    ):
        await eventually(lambda: len(mine) == 2 and len(others) == 4)
    assert set(mine) == {events[0].id, events[2].id}
    assert set(others) == {event.id for event in events}


async def test_twice_is_harmless(
    *,
    brokers: Brokers,
    db: Database,
    owner_db: Database,
    producer: Producer,
    rejected: tuple[Topic, list[Envelope]],
    group: str,
):
    """A second run publishes nothing; even if its row was lost, each event is applied once."""
    topic, _ = rejected
    options = {"brokers": brokers, "db": db, "producer": producer, "topic": topic.name, "group": group}
    await replay(**options, actor="ops", reason="odd")
    assert await replay(**options, actor="ops", reason="odd") == Replayed(matched=2, published=0, skipped=2)
    async with owner_db.transaction() as tx:
        await tx.execute("DELETE FROM dead_letter_replay")
    assert (await replay(**options, actor="ops", reason="odd")).published == 2
    came, applied = 0, 0

    async def handle(envelopes: Sequence[Envelope]) -> None:
        nonlocal came, applied
        async with db.transaction() as tx:
            fresh = await accept(tx, group, envelopes[0].id)
        applied += fresh  # not `+= await`: partitions are handled concurrently
        came += 1

    async with consuming(brokers, db, Subscription((topic,), handle), group=group):
        await eventually(lambda: came == 4)
    assert applied == 2


async def test_dry_run_and_limit(
    brokers: Brokers, db: Database, producer: Producer, rejected: tuple[Topic, list[Envelope]], group: str
):
    """A dry run changes nothing, a limit stops after that many, and the audit names the actor."""
    topic, _ = rejected
    options = {"brokers": brokers, "db": db, "producer": producer, "topic": topic.name, "group": group}
    before = len(await read_all(brokers, topic.name))
    assert await replay(**options, actor="ops", dry_run=True) == Replayed(matched=3, published=3, skipped=0)
    assert len(await read_all(brokers, topic.name)) == before
    assert await replay(**options, actor="ops-anh", limit=1) == Replayed(matched=1, published=1, skipped=0)
    async with db.read() as connection:
        assert await connection.fetchval("SELECT string_agg(actor, ',') FROM dead_letter_replay") == "ops-anh"


async def test_limits_reach_the_end(
    brokers: Brokers, db: Database, producer: Producer, rejected: tuple[Topic, list[Envelope]], group: str
):
    """Runs with a limit go on where the last one ended, and reach the last dead letter."""
    topic, _ = rejected
    options = {"brokers": brokers, "db": db, "producer": producer, "topic": topic.name, "group": group}
    done = [await replay(**options, actor="ops", limit=1) for _ in range(4)]
    assert [each.published for each in done] == [1, 1, 1, 0]


async def test_nothing_to_list(brokers: Brokers, new_topic: NewTopic):
    """The list of a topic without dead letters is empty."""
    assert await _listed(brokers, await new_topic()) == []
