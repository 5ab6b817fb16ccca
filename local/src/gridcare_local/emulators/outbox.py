"""The messages that an emulated provider accepted, as a page for a browser and as plain text for a terminal."""

import html
from collections.abc import Iterable
from typing import Final

ROWS_MAX: Final = 200
SHOWN_CHARS: Final = 12
"""How much of a registration token or a message id is shown. A browser shows all of it in a tooltip."""

Row = tuple[object, ...]
"""The first cell is the text, the last a long identifier."""


def page(kind: str, columns: tuple[str, ...], rows: Iterable[Row]) -> bytes:
    """Render a page that reloads itself every five seconds."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "\n".join(_table_row(row) for row in rows)
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>Outbox of the {kind} emulator</title>
<style>body{{font:15px/1.4 system-ui;margin:2em}}table{{border-collapse:collapse}}
td,th{{text-align:left;vertical-align:top;padding:.3em .8em;border-bottom:1px solid #ddd}}
td:first-child{{min-width:24em}}td+td{{white-space:nowrap;max-width:16em;overflow:hidden;text-overflow:ellipsis;color:#444}}</style>
<h1>Outbox of the {kind} emulator</h1><p>The newest {ROWS_MAX} messages, newest first. Nothing here was sent to anyone.
<a href="outbox.txt">As plain text</a></p>
<table><thead><tr>{head}</tr></thead><tbody>
{body}
</tbody></table></html>""".encode()


def plain(columns: tuple[str, ...], rows: Iterable[Row]) -> bytes:
    """Render two lines for each message: its text, then its other fields."""
    return "".join(_lines(columns, row) for row in rows).encode()


def _table_row(row: Row) -> str:
    text, *others, long = (html.escape(str(cell)) for cell in row)
    cells = "".join(f'<td title="{cell}">{cell}</td>' for cell in others)
    return f'<tr><td>{text}</td>{cells}<td title="{long}">{_short(long)}</td></tr>'


def _lines(columns: tuple[str, ...], row: Row) -> str:
    text, *others, long = (" ".join(str(cell).split()) for cell in row)
    facts = zip(columns[1:], [*others, _short(long)], strict=True)
    return f"{text}\n    {' · '.join(f'{name}: {fact}' for name, fact in facts if fact)}\n"


def _short(identifier: str) -> str:
    return identifier if len(identifier) <= SHOWN_CHARS else f"{identifier[:SHOWN_CHARS]}…"
