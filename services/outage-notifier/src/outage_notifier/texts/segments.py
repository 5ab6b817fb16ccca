"""How many SMS a text is paid for as: GSM-7 in 160 or 153 septets, anything else UCS-2 in 70 or 67 UTF-16 units.

Source: 3GPP TS 23.038 (alphabets) and TS 23.040 (in a longer text, the header of each part takes the difference).
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

GSM7_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Each takes two septets: an escape and itself."""

Encoding = Literal["gsm7", "ucs2"]

_ONE: Final[Mapping[Encoding, int]] = {"gsm7": 160, "ucs2": 70}
_MANY: Final[Mapping[Encoding, int]] = {"gsm7": 153, "ucs2": 67}
_LAST_UNIT_OF_BMP: Final = "\uffff"
_COMBINING: Final = range(0x0300, 0x0370)
_LOOK_ALIKE: Final = str.maketrans(
    {
        "đ": "d",
        "Đ": "D",
        "₫": "VND",
        "\u2013": "-",
        "\u2014": "-",
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2026": "...",
        "\u00a0": " ",
        "\u202f": " ",
    }
)


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes: `units` are septets or UTF-16 units, `count` is the number of messages paid for."""

    encoding: Encoding
    units: int
    count: int


def segments(text: str) -> Segments:
    """Count the segments of a text, cut as carriers cut it: never within an escaped or a surrogate pair."""
    encoding: Encoding = "gsm7" if set(text) <= GSM7_BASIC | GSM7_EXTENSION else "ucs2"
    widths = [_width(character, encoding) for character in text]
    units = sum(widths)
    if units <= _ONE[encoding]:
        return Segments(encoding, units, 1 if text else 0)
    count, used = 1, 0
    for width in widths:
        if used + width > _MANY[encoding]:
            count, used = count + 1, 0
        used += width
    return Segments(encoding, units, count)


def unaccented(text: str) -> str:
    """Return Vietnamese without diacritics, as people read it in SMS; typographic signs become those of GSM-7.

    đ and Đ are replaced first, since they do not decompose. Only marks of Latin letters go: Khmer vowels are marks too.
    """
    decomposed = unicodedata.normalize("NFD", text.translate(_LOOK_ALIKE))
    return "".join(character for character in decomposed if ord(character) not in _COMBINING)


def _width(character: str, encoding: Encoding) -> int:
    if encoding == "gsm7":
        return 2 if character in GSM7_EXTENSION else 1
    return 2 if character > _LAST_UNIT_OF_BMP else 1
