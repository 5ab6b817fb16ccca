"""The good lines of an import, chunk by chunk, and the report of what became of each line."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Generic, Protocol, TypeVar

from outage_notifier.contacts.core.import_line import BadLine, Line

CHUNK_SIZE: Final = 1_000
"""Lines per transaction."""
BAD_LINES_REPORTED_MAX: Final = 1_000
"""A file of the wrong kind has only bad lines; the first thousand are enough to see that."""

T = TypeVar("T")


class Digest(Protocol):
    """What reads a file's bytes along, as hashlib's objects do."""

    def update(self, data: bytes, /) -> None:
        """Read on."""
        ...

    def digest(self) -> bytes:
        """Return the digest of what was read."""
        ...


@dataclass(frozen=True, slots=True)
class ImportFile(Generic[T]):
    """A file whose lines are imported as they are read, who imports it, and its digest: complete when all lines are read."""

    lines: AsyncIterable[Line[T]]
    made_by: str
    digest: Digest = field(default_factory=sha256)


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that was not kept: its number, from 1, a stable reason, and the column at fault, if any."""

    line: int
    reason: str
    column: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How many lines of a file were kept and refused, and the first of the refused."""

    kept: int
    refused: int
    bad_lines: Sequence[RefusedLine]


class GoodLines(Generic[T]):
    """Sorts the lines of an import: good ones come out in chunks, bad ones are counted for the report."""

    def __init__(self, lines: AsyncIterable[Line[T]]) -> None:
        self._lines = lines
        self._kept = 0
        self._refused = 0
        self._bad_lines: list[RefusedLine] = []

    async def chunks(self) -> AsyncIterator[Sequence[T]]:
        """Yield good lines, at most CHUNK_SIZE at a time; they count as kept when the next chunk is asked for."""
        chunk: list[T] = []
        async for number, line in self._lines:
            if isinstance(line, BadLine):
                self._refuse(number, line)
                continue
            chunk.append(line)
            if len(chunk) == CHUNK_SIZE:
                yield chunk
                self._kept += len(chunk)
                chunk = []
        if chunk:
            yield chunk
            self._kept += len(chunk)

    def report(self) -> ImportReport:
        """Return what became of the lines so far."""
        return ImportReport(self._kept, self._refused, tuple(self._bad_lines))

    def _refuse(self, number: int, bad: BadLine) -> None:
        self._refused += 1
        if len(self._bad_lines) < BAD_LINES_REPORTED_MAX:
            self._bad_lines.append(RefusedLine(number, bad.reason, bad.column))
