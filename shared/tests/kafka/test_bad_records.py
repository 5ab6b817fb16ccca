"""Bad records are put aside, whatever is wrong with them, and the good ones around them are handled."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from gridcare.errors import PassedOver, Rejected
from gridcare.events import Envelope, Wire, data_as
from gridcare.events.envelope import UNKNOWN
from gridcare.events.notices import BatchPlanned
from gridcare.kafka.brokers import Brokers
from gridcare.kafka.clients import close_producer, new_producer
from gridcare.kafka.consume import Subscription
from gridcare.kafka.dead_letters.replay import dead_letters
from gridcare.kafka.produce import Producer
from gridcare.postgres.database import Database
from gridcare.testing.kafka import Seen, committed, consuming, hint, poison, read_all, wires
from gridcare.testing.metrics import sample
from gridcare.testing.waiting import eventually
from gridcare_local.testing.servers import NewTopic


async def test_rejected_keeps_its_reason(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """A rejected record is on the dead-letter topic unchanged, with its position and the reason, without the detail."""
    topic, seen = await new_topic(), []
    good, bad = hint(1), hint(2, batch_id=uuid4())

    async def handle(envelopes: Sequence[Envelope]) -> None:
        if envelopes[0].id == bad.id:
            raise Rejected("no-such-outage", "canary 0901234567") from ValueError("canary")
        seen.append(envelopes[0].id)

    sent = wires(topic, [bad, good])
    await producer.send_batch(sent)
    async with consuming(brokers, db, Subscription((topic,), handle), group=group):
        await eventually(lambda: seen == [good.id])
    (letter,) = await read_all(brokers, topic.dead_letters.name)
    headers = dict(letter.headers)
    assert (letter.key, letter.value) == (sent[0].key, sent[0].value)
    assert all(headers[name] == value for name, value in sent[0].headers)
    assert headers["kafka_dlt-original-topic"] == topic.name.encode()
    assert headers["kafka_dlt-original-partition"] == b"\x00\x00\x00\x00"
    assert headers["kafka_dlt-original-offset"] == b"\x00" * 8
    assert headers["kafka_dlt-original-consumer-group"] == group.encode()
    assert headers["kafka_dlt-exception-fqcn"] == b"gridcare.errors.Rejected"
    assert headers["kafka_dlt-exception-cause-fqcn"] == b"builtins.ValueError"
    assert headers["kafka_dlt-exception-message"] == b"no-such-outage"
    assert not any(b"canary" in value or b"0901234567" in value for value in headers.values())
    assert await committed(brokers, group, topic) == 2


async def test_poison_amid_a_batch(brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str):
    """Around an unreadable record and one of a later type, the others are handled in order; the later one is counted."""
    topic, seen = await new_topic(), Seen()
    records = wires(topic, [hint(number) for number in range(1, 8)])
    unknown = Wire(
        topic.name, b"k", b"{}", [*records[0].headers[:3], ("ce_type", b"gridcare.Never"), *records[0].headers[4:]]
    )
    await producer.send_batch([*records[:3], poison(topic), *records[3:5], unknown, *records[5:]])
    async with consuming(brokers, db, Subscription((topic,), seen, records_max=100), group=group):
        await eventually(lambda: len(seen.numbers) == 7)
    assert seen.numbers == list(range(1, 8))
    assert [call for call in seen.calls if len(call) > 1]
    reasons = [
        dict(letter.headers)["kafka_dlt-exception-message"]
        for letter in await read_all(brokers, topic.dead_letters.name)
    ]
    assert reasons == [b"not-cloudevents"]
    assert sample("consumer_records_total", topic=topic.name, fate="passed_over") == 1
    assert await committed(brokers, group, topic) == 9


async def test_what_is_later_passes(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """What a handler finds to be of a later release is counted and no dead letter, nor are its neighbours; so are values."""
    topic, applied = await new_topic(), []
    records = wires(topic, [hint(number) for number in range(1, 6)])
    assert records[2].value is not None
    records[2] = replace(records[2], value=records[2].value.replace(b'"sms"', b'"pigeon"'))
    await producer.send_batch(records)

    async def handle(envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            if data_as(envelope, BatchPlanned).channel == UNKNOWN:
                raise PassedOver(envelope.type)
        applied.extend(envelope.version for envelope in envelopes)

    async with consuming(brokers, db, Subscription((topic,), handle, records_max=100), group=group):
        await eventually(lambda: len(applied) == 4)
    assert applied == [1, 2, 4, 5]
    assert await read_all(brokers, topic.dead_letters.name) == []
    assert await committed(brokers, group, topic) == 5
    assert sample("consumer_records_total", topic=topic.name, fate="passed_over") == 1
    assert sample("consumer_unknown_values_total", topic=topic.name, field="channel") == 1


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ce_specversion", b"1.0"), ("ce_id", None)],
        [("ce_id", b"\xff\xfe"), ("ce_type", b"\x00"), ("ce_sequence", b"9" * 5_000)],
        [("ce_id", b"one"), ("ce_id", b"two"), ("kafka_dlt-original-offset", b"?"), ("", b"")],
    ],
)
async def test_rubbish_is_no_bug(
    *, brokers: Brokers, db: Database, new_topic: NewTopic, group: str, headers: list[tuple[str, bytes | None]]
):
    """Whatever another program wrote is put aside at once and crashes nothing."""
    topic, seen = await new_topic(), Seen()
    raw = new_producer(brokers, client_id="rubbish", request_size_max_bytes=1_000_000)
    try:
        await raw.start()
        await raw.send_and_wait(topic.name, b"\x00\xff", key=b"\xff", headers=headers)
        await raw.send_and_wait(topic.name, None, key=b"\xff", headers=headers)
        await raw.send_and_wait(topic.name, b"{}", key=None, headers=headers)
    finally:
        await close_producer(raw)
    async with consuming(brokers, db, Subscription((topic,), seen, records_max=10), group=group):

        async def all_aside() -> bool:
            return await committed(brokers, group, topic) == 3

        await eventually(all_aside)
    letters = await read_all(brokers, topic.dead_letters.name)
    assert {dict(letter.headers)["kafka_dlt-exception-message"] for letter in letters} == {b"not-cloudevents"}
    assert len([letter async for letter in dead_letters(brokers, topic.name)]) == 3


async def test_rejected_batches_are_split(
    brokers: Brokers, db: Database, new_topic: NewTopic, producer: Producer, group: str
):
    """A refused call with several records is repeated record by record, and only the bad one is put aside."""
    topic, applied = await new_topic(), []
    await producer.send_batch(wires(topic, [hint(number) for number in range(1, 10)]))

    async def handle(envelopes: Sequence[Envelope]) -> None:
        if any(envelope.version == 5 for envelope in envelopes):
            raise Rejected("five")
        applied.extend(envelope.version for envelope in envelopes)

    async with consuming(brokers, db, Subscription((topic,), handle, records_max=100), group=group):
        await eventually(lambda: len(applied) == 8)
    assert applied == [1, 2, 3, 4, 6, 7, 8, 9]
    assert len(await read_all(brokers, topic.dead_letters.name)) == 1
