"""Money: Vietnamese dong as a whole number of minor units. ISO 4217 gives VND the exponent 0, so the unit is the dong."""

from typing import Final

from babel import Locale
from babel.numbers import format_currency

from gridcare.errors import GridcareError

AMOUNT_MAX_VND: Final = 10**13 - 1
"""Four digits above any bill or payment ever seen, and far below what 64 bits hold: a larger amount is a mistake."""

_VIETNAMESE: Final = Locale("vi")


class InvalidAmount(GridcareError, ValueError):
    """The value is not an amount of dong. `reason`: not-an-amount, fraction or too-large."""

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
    """Return the amount as it is written in Vietnam: `896125` → `896.125 ₫`. Raises InvalidAmount.

    The space is a no-break space (U+00A0), as in CLDR.
    """
    return format_currency(checked_vnd(amount), "VND", locale=_VIETNAMESE)
