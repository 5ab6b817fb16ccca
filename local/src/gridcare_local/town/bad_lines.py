"""Lines that an import must refuse, to be mixed into the files on demand; each says what is wrong with it."""

from typing import Any

import msgspec

BROKEN = "broken-line"
"""The mistake that is made by the writer itself: a CSV line with too few columns, a JSON line cut short."""

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
    """Where a bad line stands (`line` counts from 1, a CSV's header included) and what is wrong with it."""

    file: str
    line: int
    mistake: str


def spoil(table: str, number: int, good: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a mistake and a row that makes it, from a good row of `contacts` or `supply_points`; mistakes take turns."""
    mistakes = _MISTAKES[table]
    mistake, changes = mistakes[number % len(mistakes)]
    return mistake, good | changes
