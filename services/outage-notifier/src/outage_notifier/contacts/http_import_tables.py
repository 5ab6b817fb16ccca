"""The bodies of imports: CSV (RFC 4180, one record per line) or JSON lines, read as they arrive, never whole."""

import csv
from collections.abc import AsyncIterator, Callable
from typing import Final, Literal, TypeVar

import msgspec

from gridcare.errors import TooLarge, Unprocessable
from outage_notifier.contacts.core.import_line import BadLine, Columns, Line, Values

LINE_SIZE_MAX_BYTES: Final = 16_384
"""Many times what any real line needs. Without a limit a file of one line would be read into memory whole."""
LINES_MAX: Final = 10_000_000

CSV: Final = "text/csv"
JSON_LINES: Final = frozenset({"application/jsonl", "application/x-ndjson", "application/json-lines"})

TableFormat = Literal["csv", "jsonl"]
T = TypeVar("T")


def table_format(content_type: str | None) -> TableFormat:
    """Return the format that a Content-Type names. Raises Unprocessable `unsupported-table`."""
    named = (content_type or "").partition(";")[0].strip().lower()
    if named == CSV:
        return "csv"
    if named in JSON_LINES:
        return "jsonl"
    raise Unprocessable("unsupported-table", f"the body must be {CSV} or {', '.join(sorted(JSON_LINES))}")


async def read_lines(rows: AsyncIterator[Line[Values]], read: Callable[[Values], T]) -> AsyncIterator[Line[T]]:
    """Yield what each row says; `read` raises BadLine for a row that cannot be used."""
    async for number, row in rows:
        if isinstance(row, BadLine):
            yield number, row
            continue
        try:
            line: T | BadLine = read(row)
        except BadLine as bad:
            line = bad
        yield number, line


async def table_rows(
    body: AsyncIterator[bytes], file_format: TableFormat, columns: Columns
) -> AsyncIterator[Line[Values]]:
    """Yield a table's rows. Raises Unprocessable if the header of a CSV file is wrong."""
    header: list[str] | None = None
    async for number, line in _lines(body):
        if isinstance(line, BadLine):
            if file_format == "csv" and header is None:
                raise Unprocessable("invalid-header", line.reason)
            yield number, line
        elif not line.strip():
            continue
        elif file_format == "jsonl":
            yield number, _of_json(line, columns)
        elif header is None:
            header = _header(line, columns)
        else:
            yield number, _of_csv(line, header)
    if file_format == "csv" and header is None:
        raise Unprocessable("invalid-header", "the file is empty")


async def _lines(body: AsyncIterator[bytes]) -> AsyncIterator[Line[str]]:
    number, rest, skipping = 0, b"", False
    async for chunk in body:
        *whole, rest = (rest + chunk).split(b"\n")
        for raw in whole:
            number += 1
            yield number, BadLine("line-too-long") if skipping else _text(raw, first=number == 1)
            skipping = False
            if number > LINES_MAX:
                raise TooLarge("too-many-lines", f"at most {LINES_MAX} lines")
        if len(rest) > LINE_SIZE_MAX_BYTES:
            rest, skipping = b"", True
    if rest or skipping:
        yield number + 1, BadLine("line-too-long") if skipping else _text(rest, first=number == 0)


def _text(raw: bytes, *, first: bool) -> str | BadLine:
    if len(raw) > LINE_SIZE_MAX_BYTES:
        return BadLine("line-too-long")
    try:
        text = raw.decode("utf-8-sig" if first else "utf-8")  # Excel begins a file with a byte order mark
    except UnicodeDecodeError:
        return BadLine("not-utf-8")
    return text.removesuffix("\r")


def _header(line: str, columns: Columns) -> list[str]:
    names = [name.strip() for name in next(csv.reader([line]))]
    for name in names:
        if name not in columns.known or names.count(name) > 1:
            raise Unprocessable("unknown-column", "a column is unknown or comes twice", known=sorted(columns.known))
    missing = sorted(columns.required - set(names))
    if missing:
        raise Unprocessable("missing-column", ", ".join(missing))
    return names


def _of_csv(line: str, header: list[str]) -> Values | BadLine:
    try:
        values = next(csv.reader([line], strict=True))
    except csv.Error:
        return BadLine("malformed-csv")
    if len(values) != len(header):
        return BadLine("wrong-number-of-values")
    return dict(zip(header, values, strict=True))


def _of_json(line: str, columns: Columns) -> Values | BadLine:
    try:
        decoded = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return BadLine("malformed-json")
    if not isinstance(decoded, dict):
        return BadLine("not-an-object")
    values: dict[str, str] = {}
    for name, value in decoded.items():
        if name not in columns.known:
            return BadLine("unknown-column")
        if value is None:
            continue
        if isinstance(value, bool):
            values[name] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            values[name] = str(value)
        else:
            return BadLine("wrong-type", name)
    missing = sorted(columns.required - columns.may_be_empty - values.keys())
    if missing:
        return BadLine("missing-value", missing[0])
    return dict.fromkeys(columns.may_be_empty, "") | values
