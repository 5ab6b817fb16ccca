"""Helpers for tests of the outbox: events to append, and a broker's stand-in that keeps what a relay sends."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from gridcare.errors import Retryable
from gridcare.events import Wire, decode
from gridcare.events.notices import BatchPlanned
from gridcare.kafka.delivery.delivery import Fault
from gridcare.postgres import outbox
from gridcare.postgres.database import Database

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass
class Publisher:
    """Keeps what it was sent; takes nothing while `down`, and nothing of the keys in `bad`, each with its fault."""

    sent: list[Wire] = field(default_factory=list)
    down: bool = False
    bad: dict[bytes, Fault] = field(default_factory=dict)
    after_send: Callable[[], Awaitable[None]] | None = None

    async def send_each(self, wires: Sequence[Wire]) -> list[Fault | None]:
        if self.down:
            return [Retryable("broker away") for _ in wires]
        faults = [self.bad.get(wire.key) for wire in wires]
        self.sent += [wire for wire, fault in zip(wires, faults, strict=True) if fault is None]
        if self.after_send:
            await self.after_send()
        return faults

    @property
    def hints(self) -> list[tuple[str, int]]:
        """The key and the version of each record, in the order sent."""
        return [(e.subject, e.version) for e in (decode(w.key, w.value, w.headers) for w in self.sent)]

    def versions(self, key: UUID) -> list[int]:
        """Return the versions sent of one key, in their order."""
        return [version for subject, version in self.hints if subject == str(key)]


def hint(batch_id: UUID, number: int) -> BatchPlanned:
    """Return the `number`th event about a batch."""
    return BatchPlanned(version=number, batch_id=batch_id, channel="push", lane="bulk")


async def append(db: Database, *hints: tuple[UUID, int]) -> None:
    """Append events to the outbox, in one transaction."""
    async with db.transaction() as tx:
        await outbox.append(tx, [hint(key, number) for key, number in hints], source="tests", now=NOW)


async def append_many(db: Database, keys: Iterable[UUID] | int) -> None:
    """Append one event of each key, or of that many keys."""
    await append(db, *((key, 1) for key in ([uuid4() for _ in range(keys)] if isinstance(keys, int) else keys)))


async def unsent(db: Database) -> int:
    """Return how many events wait in the outbox."""
    async with db.read() as connection:
        rows: int = await connection.fetchval("SELECT count(*) FROM outbox")
    return rows
