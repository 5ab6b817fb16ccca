"""Tables as CSV or JSON lines files: streamed, replaced atomically, with digests."""

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from gridcare_local.town.bad_lines import BROKEN

Format = Literal["csv", "jsonl"]
FORMATS: tuple[Format, ...] = ("csv", "jsonl")

_ENCODER = msgspec.json.Encoder()


class FileFacts(msgspec.Struct, frozen=True):
    """The number of rows (with bad lines, without a CSV's header), the size and the SHA-256 of a file."""

    rows: int
    size_bytes: int
    sha256: str


class TableFile:
    """A file of one kind of record, written under another name and renamed at the end if all went well."""

    def __init__(self, directory: Path, table: str, record: type[msgspec.Struct], form: Format) -> None:
        self.name = f"{table}.{form}"
        self.table = table
        self.lines = 0
        self._path = directory / self.name
        self._part = directory / f"{self.name}.part"
        self._columns = record.__struct_fields__
        self._encode: Callable[[Sequence[msgspec.Struct]], bytes] = (
            self._csv if form == "csv" else _ENCODER.encode_lines
        )
        self._form = form
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    def __enter__(self) -> Self:
        self._file = self._part.open("wb")
        if self._form == "csv":
            self._write(_csv_lines([self._columns]), 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if error is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def write(self, records: Sequence[msgspec.Struct]) -> None:
        """Append records of the file's kind."""
        if records:
            self._write(self._encode(records), len(records))

    def write_bad(self, mistake: str, row: Mapping[str, Any]) -> int:
        """Append a line with the mistake and return its number, counted from 1."""
        if self._form == "csv":
            line = _csv_lines([[_cell(row.get(column)) for column in self._columns]])
            line = line.split(b",", 1)[0] + b"\n" if mistake == BROKEN else line
        else:
            line = _ENCODER.encode(row)
            line = (line[: len(line) // 2] if mistake == BROKEN else line) + b"\n"
        self._write(line, 1)
        return self.lines

    def facts(self) -> FileFacts:
        """Return the facts of what has been written so far."""
        return FileFacts(self.lines - (self._form == "csv"), self._size_bytes, self._digest.hexdigest())

    def _csv(self, records: Sequence[msgspec.Struct]) -> bytes:
        return _csv_lines([[_cell(value) for value in msgspec.structs.astuple(record)] for record in records])

    def _write(self, data: bytes, lines: int) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size_bytes += len(data)
        self.lines += lines


def write_json(path: Path, value: object) -> None:
    """Write a small indented document, replacing the file atomically."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(msgspec.json.format(_ENCODER.encode(value), indent=1) + b"\n")
    part.replace(path)


def _cell(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value


def _csv_lines(rows: Sequence[Sequence[Any]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()
