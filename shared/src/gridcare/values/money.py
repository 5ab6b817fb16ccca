"""Money: Vietnamese dong as a whole number of minor units. ISO 4217 gives VND the exponent 0, so that is the dong."""

import re

from gridcare.errors import GridcareError

CURRENCY = "VND"
EXPONENT = 0
AMOUNT_MAX_VND = 10**13 - 1
"""Above any bill or payment ever seen by four digits, and far below what 64 bits hold: what exceeds it is a mistake."""

_TEXT_LENGTH_MAX = 40
# Digits, plain or grouped by three with one kind of separator all through; a blank or the narrow no-break space too.
_AMOUNT = re.compile(
    r"(?P<sign>-?)(?P<digits>[0-9]+|[0-9]{1,3}(?P<group>[., \u00a0\u202f])[0-9]{3}(?:(?P=group)[0-9]{3})*)"
)
_FRACTION = re.compile(r"-?[0-9][0-9., ]*[.,][0-9]*")
_SYMBOLS = ("₫", "đ", "VND", "VNĐ", "vnd", "vnđ")


class InvalidAmount(GridcareError, ValueError):
    """The value is no amount of dong. `reason`: not-an-amount, fraction or too-large."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def checked_vnd(amount: int) -> int:
    """Return the amount, in dong, if it is a whole number within ±AMOUNT_MAX_VND. Raises InvalidAmount."""
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise InvalidAmount("fraction" if isinstance(amount, float) else "not-an-amount")
    if abs(amount) > AMOUNT_MAX_VND:
        raise InvalidAmount("too-large")
    return amount


def format_vnd(amount: int) -> str:
    """Return the amount as Vietnamese people write it: `896125` → `896.125 ₫`. Raises InvalidAmount.

    The blank is a no-break space (U+00A0), as in CLDR; SMS texts are made by templates, not by this.
    """
    return f"{checked_vnd(amount):,}".replace(",", ".") + "\u00a0₫"


def parse_vnd(text: str) -> int:
    """Return the dong that a text says: `896.125 ₫`, `896,125 VND`, `896125`. Raises InvalidAmount.

    A separator must part groups of three digits, so `896.12` and `1.5` are refused as fractions, never rounded.
    """
    bare = text.strip()
    if len(bare) > _TEXT_LENGTH_MAX:
        raise InvalidAmount("not-an-amount")
    for symbol in _SYMBOLS:
        bare = bare.removesuffix(symbol).rstrip()
    match = _AMOUNT.fullmatch(bare)
    if match is None:
        raise InvalidAmount("fraction" if _FRACTION.fullmatch(bare) else "not-an-amount")
    return checked_vnd(int(match["sign"] + re.sub(r"[^0-9]", "", match["digits"])))
