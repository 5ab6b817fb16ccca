"""The outbox: an event is written in the same transaction that makes it true."""

import json
import zlib
from collections.abc import Iterable
from datetime import datetime

from gridcare.errors import GridcareError
from gridcare.events import Envelope, Event, Topic, Wire, encode, type_name
from gridcare.observability.tracing import current_traceparent
from gridcare.postgres.database import Connection
from gridcare.values.ids import uuid7

SHARDS = 16
"""How many relays can publish in parallel; events with the same key are always in the same shard."""

RECORD_SIZE_MAX_BYTES = 900_000
"""Below the broker's default limit of 1,048,588 bytes, because a record that the broker refuses would block its shard."""

_INSERT = """
INSERT INTO outbox (shard, event_id, topic, key, value, headers)
SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::jsonb[])
"""


class RecordTooLarge(GridcareError):
    """An event does not fit into a record: a bug in the code that made it, raised before anything is written."""


async def append(tx: Connection, events: Iterable[Event], *, source: str, now: datetime) -> None:
    """Write events to the outbox, in their order, in the open transaction `tx`.

    The caller must hold a lock on the aggregate's row, so that the order within a key is the order of commits.
    Raises RecordTooLarge.
    """
    traceparent = current_traceparent()
    envelopes = [
        (_envelope(event, source=source, now=now, traceparent=traceparent), event.destination()) for event in events
    ]
    await append_envelopes(tx, envelopes)


async def append_envelopes(tx: Connection, envelopes: Iterable[tuple[Envelope, Topic]]) -> None:
    """Write envelopes to the outbox as they are. Raises RecordTooLarge."""
    wires = [(envelope, encode(envelope, topic=topic)) for envelope, topic in envelopes]
    if not wires:
        return
    for _, wire in wires:
        if size_bytes(wire) > RECORD_SIZE_MAX_BYTES:
            raise RecordTooLarge(f"{wire.topic}: {size_bytes(wire)} bytes")
    await tx.execute(
        _INSERT,
        [shard_of(wire.key) for _, wire in wires],
        [envelope.id for envelope, _ in wires],
        [wire.topic for _, wire in wires],
        [wire.key for _, wire in wires],
        [wire.value for _, wire in wires],
        [json.dumps([[name, value.decode()] for name, value in wire.headers]) for _, wire in wires],
    )


def shard_of(key: bytes) -> int:
    """Return the shard of a key, which never changes and is the same in every process."""
    return zlib.crc32(key) % SHARDS


def size_bytes(wire: Wire) -> int:
    """Return a record's approximate size as the broker counts it, in bytes."""
    return len(wire.key) + len(wire.value or b"") + sum(len(n) + len(v) + 4 for n, v in wire.headers) + 32


def _envelope(event: Event, *, source: str, now: datetime, traceparent: str | None) -> Envelope:
    return Envelope(
        uuid7(now), f"/gridcare/{source}", type_name(type(event)), now, event.key, event.version, traceparent, event
    )
