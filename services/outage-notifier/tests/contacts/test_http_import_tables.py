"""Bodies of imports: the quirks of CSV files and JSON lines, in whatever pieces they arrive."""

import pytest

from gridcare.errors import Unprocessable
from outage_notifier.contacts.core.import_line import CONTACT_COLUMNS, BadLine
from outage_notifier.contacts.http_import_tables import LINE_SIZE_MAX_BYTES, table_format, table_rows

HEADER = "customer_code,phone,language,consent"
LINE = "PB11010012345,0912345678,vi,true"
VALUES = dict(zip(HEADER.split(","), LINE.split(","), strict=True))


async def _read(content: bytes, file_format: str = "csv", *, piece: int = 7):
    async def pieces():
        for start in range(0, len(content), piece):
            yield content[start : start + piece]

    return [
        (number, row.reason if isinstance(row, BadLine) else dict(row))
        async for number, row in table_rows(pieces(), file_format, CONTACT_COLUMNS)
    ]


@pytest.mark.parametrize("piece", [1, 2, 3, 64, 10_000])
@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{LINE}",
        f"{HEADER}\n{LINE}\n",
        f"{HEADER}\r\n{LINE}\r\n",
        f"\ufeff{HEADER}\r\n{LINE}\r\n",
        f"{HEADER}\n\n  \n{LINE}\n\n",
        f'{HEADER}\n"PB11010012345","0912345678","vi","true"\n',
        f" customer_code , phone,language ,consent\n{LINE}\n",
        "phone,customer_code,consent,language\n0912345678,PB11010012345,true,vi\n",
    ],
)
async def test_csv_as_people_write_it(content, piece):
    """One row comes of each of these files, in whatever pieces they arrive."""
    [(_, row)] = await _read(content.encode(), piece=piece)
    assert row == VALUES


async def test_quoted_values_are_read():
    """A quoted value may hold commas, quotes and letters of any language."""
    content = f'{HEADER},name\n{LINE},"Nguyễn ""Bé"", Sóc Trăng"\n'
    [(number, row)] = await _read(content.encode())
    assert (number, row["name"]) == (2, 'Nguyễn "Bé", Sóc Trăng')


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'"PB11010012345,0912345678,vi,true', "malformed-csv"),
        (b'"PB11010012345"x,0912345678,vi,true', "malformed-csv"),
        (b"PB11010012345,0912345678,vi", "wrong-number-of-values"),
        (b"PB11010012345,0912345678,vi,true,more", "wrong-number-of-values"),
        (b"PB11010012345;0912345678;vi;true", "wrong-number-of-values"),
        ("Nguyễn,0912345678,vi,true".encode("utf-16"), "not-utf-8"),
        ("Nguy\xean,0912345678,vi,true".encode("latin-1"), "not-utf-8"),
        (b"x" * (LINE_SIZE_MAX_BYTES + 1), "line-too-long"),
        (b"x" * (LINE_SIZE_MAX_BYTES * 3), "line-too-long"),
    ],
)
@pytest.mark.parametrize("piece", [100, 50_000])
async def test_bad_lines_of_csv(line, reason, piece):
    """A line that cannot be read has its number and the reason, and the next line is read again."""
    content = f"{HEADER}\n".encode() + line + f"\n{LINE}\n".encode()
    [(number, row), *rest] = await _read(content, piece=piece)
    assert (number, row) == (2, reason)
    assert rest[-1][1] == VALUES


async def test_last_line_too_long():
    """A file that ends within a line that is too long has that line reported."""
    content = f"{HEADER}\n".encode() + b"x" * (LINE_SIZE_MAX_BYTES * 2)
    assert await _read(content, piece=1_000) == [(2, "line-too-long")]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "invalid-header"),
        ("\n\n", "invalid-header"),
        ("customer_code,phone,language\n", "missing-column"),
        (f"{HEADER},shoe_size\n", "unknown-column"),
        (f"{HEADER},phone\n", "unknown-column"),
        ("x" * (LINE_SIZE_MAX_BYTES + 1), "invalid-header"),
        ("\x00\n", "unknown-column"),
    ],
)
async def test_wrong_headers(header, code):
    """A file without the columns that are needed, or with others, is refused whole."""
    with pytest.raises(Unprocessable) as refused:
        await _read(header.encode())
    assert refused.value.code == code


async def test_header_in_another_encoding():
    """A header that is not UTF-8 refuses the file."""
    with pytest.raises(Unprocessable) as refused:
        await _read(HEADER.encode("utf-16"))
    assert refused.value.code == "invalid-header"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"customer_code":"A","phone":"1","language":"vi","consent":true}', {"consent": "true", "phone": "1"}),
        ('{"customer_code":"A","phone":912345678,"language":"vi","consent":false}', {"phone": "912345678"}),
        ('{"customer_code":"A","phone":null,"language":"vi","consent":true}', {"phone": ""}),
        ('{"customer_code":"A","language":"vi","consent":true}', {"phone": ""}),
        ('{"customer_code":"A","language":"vi","consent":true}\r', {"customer_code": "A"}),
        ('{"customer_code":"A","language":"vi"}', "missing-value"),
        ('{"customer_code":"A","language":"vi","consent":null}', "missing-value"),
        ('{"customer_code":"A","language":["vi"],"consent":true}', "wrong-type"),
        ('{"customer_code":"A","shoe_size":44}', "unknown-column"),
        ('["A"]', "not-an-object"),
        ("{", "malformed-json"),
        ("nothing of the kind", "malformed-json"),
        ('{"customer_code":"\\ud800"}', "malformed-json"),
        ("[" * 10_000, "malformed-json"),
    ],
)
async def test_json_lines(line, expected):
    """Values become text, as in a CSV file; a line that is no object of known columns is reported."""
    [(number, row)] = await _read(line.encode(), "jsonl")
    assert number == 1
    if isinstance(expected, str):
        assert row == expected
    else:
        assert expected.items() <= row.items()


@pytest.mark.parametrize(
    ("header", "file_format"),
    [
        ("text/csv", "csv"),
        ("Text/CSV; charset=utf-8", "csv"),
        ("application/jsonl", "jsonl"),
        ("application/x-ndjson", "jsonl"),
    ],
)
def test_media_types(header, file_format):
    """CSV and JSON lines are known by their media types."""
    assert table_format(header) == file_format


@pytest.mark.parametrize("header", [None, "", "application/json", "multipart/form-data; boundary=x"])
def test_other_media_types(header):
    """Anything else is refused."""
    with pytest.raises(Unprocessable) as refused:
        table_format(header)
    assert refused.value.code == "unsupported-table"
