"""The journal of an emulator: JSON lines, each written to the file before the corresponding answer is sent."""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

INDEX_INTERVAL: Final = 1000  # lines between two stored offsets: a million lines need a thousand integers
_READ_BLOCK_BYTES: Final = 1 << 18


def stamp(at_s: float) -> str:
    """Format a moment as RFC 3339 in UTC with microseconds."""
    second, micro = divmod(int(at_s * 1_000_000), 1_000_000)
    return f"{_second(second)}.{micro:06d}+00:00"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def read_lines(path: Path, *, after: int = 0, offset: int = 0, skip: int | None = None) -> Iterator[bytes]:
    """Yield the lines of a journal after line `after`, without an incomplete last line."""
    if not path.exists():
        return
    left = after if skip is None else skip
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if left:
                left -= 1
            elif line.endswith(b"\n"):
                yield line


class _Kind(msgspec.Struct):
    kind: str


class Journal:
    """An append-only file of lines `{"n", "at", "kind", ...}`.

    A line is passed to the kernel in one write before `append` returns, so it survives a kill -9 of the process, though
    not a crash of the machine. `n` counts from 1 without gaps.
    """

    def __init__(self, path: Path, now_s: Callable[[], float]) -> None:
        self.path = path
        self.count = 0
        self._now_s = now_s
        self._offsets = [0]
        self._size = 0
        self._cut_torn_tail()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def _cut_torn_tail(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            while end:
                start = max(0, end - _READ_BLOCK_BYTES)
                file.seek(start)
                at = file.read(end - start).rfind(b"\n")
                if at >= 0:
                    file.truncate(start + at + 1)
                    return
                end = start
            file.truncate(0)

    def replay(self) -> Iterator[tuple[str, bytes]]:
        """Yield the kind and the text of every line. It must be called once, before the first append.

        Only the kind is decoded, so a million pushes take a second or two.
        """
        decoder = msgspec.json.Decoder(_Kind)
        for line in read_lines(self.path):
            self._noted(len(line))
            yield decoder.decode(line).kind, line

    def append(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Write one line and return it as it will be read."""
        at = stamp(self._now_s())
        line = {"n": self.count + 1, "at": at, "kind": kind, **fields}
        self._write(msgspec.json.encode(line) + b"\n")
        return line

    def append_raw(self, kind: bytes, fields: bytes) -> bytes:
        """Write one line whose fields are JSON members already (`"a":1,"b":2`, no newline): the fast path."""
        at = stamp(self._now_s()).encode()
        line = b'{"n":%d,"at":"%b","kind":"%b",%b}\n' % (self.count + 1, at, kind, fields)
        self._write(line)
        return line

    def lines(self, after: int) -> Iterator[bytes]:
        """Yield the lines after number `after`, using the stored offsets."""
        index = min(after // INDEX_INTERVAL, len(self._offsets) - 1)
        return read_lines(self.path, offset=self._offsets[index], skip=after - index * INDEX_INTERVAL)

    def _write(self, line: bytes) -> None:
        try:
            written = os.write(self._file, line)
        except OSError:
            written = 0
        if written != len(line):
            # no line may follow a half-written one, which the next start removes; not an exception, since the server
            # would answer it and go on
            sys.stderr.write("the journal cannot be written: is the disk full?\n")
            os._exit(1)
        self._noted(len(line))

    def _noted(self, size: int) -> None:
        self.count += 1
        self._size += size
        if self.count % INDEX_INTERVAL == 0:
            self._offsets.append(self._size)
