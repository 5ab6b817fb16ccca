"""The frame of every bulk import: chunks of good lines, each in its own transaction, and a report of the bad ones."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from outage_notifier.contacts.core.imported import BadLine

CHUNK_SIZE: Final = 1_000
BAD_LINES_REPORTED_MAX: Final = 1_000
"""A file of the wrong kind has only bad lines: the first thousand say enough."""

T = TypeVar("T")
Row = tuple[int, Mapping[str, str] | BadLine]


@dataclass(slots=True)
class ImportReport:
    """What became of a file: how many lines were kept and refused, and the first of the refused."""

    kept: int = 0
    refused: int = 0
    bad_lines: list[tuple[int, str, str]] = field(default_factory=list)

    def refuse(self, number: int, bad: BadLine) -> None:
        self.refused += 1
        if len(self.bad_lines) < BAD_LINES_REPORTED_MAX:
            self.bad_lines.append((number, bad.reason, bad.column))


async def import_rows(
    rows: AsyncIterator[Row], read: Callable[[Mapping[str, str]], T], keep: Callable[[Sequence[T]], Awaitable[None]]
) -> ImportReport:
    """Read each row, keep the good ones chunk by chunk. Doing a file again, whole or in part, changes nothing more."""
    report = ImportReport()
    chunk: list[T] = []
    async for number, row in rows:
        try:
            if isinstance(row, BadLine):
                raise row
            chunk.append(read(row))
        except BadLine as bad:
            report.refuse(number, bad)
            continue
        if len(chunk) >= CHUNK_SIZE:
            await keep(chunk)
            report.kept += len(chunk)
            chunk = []
    if chunk:
        await keep(chunk)
        report.kept += len(chunk)
    return report
