"""Lines that an import must refuse, mixed into the files on demand. Each has a name for its mistake."""

from typing import Any

import msgspec

BROKEN = "broken-line"
"""The mistake that the writer makes: a CSV line with too few columns, or a truncated JSON line."""

_CONTACT_MISTAKES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("phone-landline", {"phone": "02923821234"}),
    ("phone-too-short", {"phone": "+8491234"}),
    ("phone-of-before-2018", {"phone": "01651234567"}),
    ("phone-foreign", {"phone": "+14155552671"}),
    ("phone-letters", {"phone": "09CANTHO78"}),
    ("phone-missing", {"phone": ""}),
    ("language-unknown", {"language": "fr"}),
    ("consent-unclear", {"consent": "maybe"}),
    ("segment-unknown", {"segment": "vip"}),
    ("customer-code-malformed", {"customer_code": "PB990001"}),
    ("customer-code-missing", {"customer_code": ""}),
    (BROKEN, {}),
)
_SUPPLY_POINT_MISTAKES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("customer-code-malformed", {"customer_code": "PB990001"}),
    ("supply-point-id-missing", {"supply_point_id": ""}),
    ("transformer-missing", {"transformer_id": ""}),
    ("version-zero", {"version": 0}),
    ("latitude-out-of-range", {"lat": 100.5}),
    ("longitude-not-a-number", {"lon": "east"}),
    (BROKEN, {}),
)
_MISTAKES = {"contacts": _CONTACT_MISTAKES, "supply_points": _SUPPLY_POINT_MISTAKES}


class BadLine(msgspec.Struct, frozen=True):
    """The file and number of a bad line and its mistake. `line` counts from 1 and includes a CSV's header."""

    file: str
    line: int
    mistake: str


def spoil(table: str, number: int, good: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a mistake and a row with it, made from a good row of the table. `number` cycles through the mistakes."""
    mistakes = _MISTAKES[table]
    mistake, changes = mistakes[number % len(mistakes)]
    return mistake, good | changes
