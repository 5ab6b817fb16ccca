"""Vietnamese mobile numbers: parsed to E.164 where they come in, masked where they are shown."""

import re
from typing import Literal

import phonenumbers

from gridcare.errors import GridcareError

Reason = Literal["not-a-number", "not-vietnamese", "not-mobile"]

_COUNTRY_CODE = 84
_TEXT_LENGTH_MAX = 32
# What people write between the digits. Anything else is refused, such as letters, which the library reads as keypad digits.
_DIALLED = re.compile(r"\+?[0-9 .()\-]+")
_SHOWN_DIGITS = 2

# The prefixes of eleven-digit numbers, without the leading 0, that were shortened in 2018.
_MIGRATED_PREFIXES = (
    {"162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38", "169": "39"}
    | {"120": "70", "121": "79", "122": "77", "126": "76", "128": "78"}
    | {"123": "83", "124": "84", "125": "85", "127": "81", "129": "82"}
    | {"186": "56", "188": "58", "199": "59"}
)
_MIGRATED_LENGTH = 10


class InvalidPhone(GridcareError, ValueError):
    """The text is not a Vietnamese mobile number.

    `reason` is a stable machine code. The message holds no more of the number than a prefix, so it may be logged.
    """

    def __init__(self, reason: Reason, hint: str = "") -> None:
        super().__init__(f"{reason}: {hint}" if hint else reason)
        self.reason: Reason = reason
        self.hint = hint


def parse_mobile(text: str) -> str:
    """Return a Vietnamese mobile number as E.164, e.g. `0912 345 678` → `+84912345678`.

    Accepts the national form (leading 0), `84…`, `+84…` and `0084…`, with spaces, dots, hyphens and brackets in between.
    Raises InvalidPhone: `not-a-number` (not a phone number at all), `not-vietnamese` (another country's), `not-mobile` (a
    landline, a service number, a prefix that no mobile network holds, or one migrated in 2018).
    """
    dialled = text.strip()
    if len(dialled) > _TEXT_LENGTH_MAX or not dialled.isascii() or not _DIALLED.fullmatch(dialled):
        raise InvalidPhone("not-a-number")
    try:
        number = phonenumbers.parse(dialled, "VN")
    except phonenumbers.NumberParseException:
        raise InvalidPhone("not-a-number") from None
    if number.country_code != _COUNTRY_CODE:
        raise InvalidPhone("not-vietnamese" if phonenumbers.is_possible_number(number) else "not-a-number")
    _refuse_migrated(str(number.national_number))
    kind = phonenumbers.number_type(number)
    if kind != phonenumbers.PhoneNumberType.MOBILE:
        raise InvalidPhone("not-mobile" if phonenumbers.is_possible_number(number) else "not-a-number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _refuse_migrated(national_number: str) -> None:
    prefix = _MIGRATED_PREFIXES.get(national_number[:3])
    if prefix is not None and len(national_number) == _MIGRATED_LENGTH:
        # Migrating it silently could reach a stranger: whoever entered an old number may have given it up years ago.
        raise InvalidPhone("not-mobile", f"prefix 0{national_number[:3]} was replaced by 0{prefix} in 2018")


def mask(phone: str) -> str:
    """Return a number as it may be shown to staff or logged: `+84912345612` → `+84*****12`.

    There are always five stars, and anything that is not `+84` followed by digits is masked completely.
    """
    country = f"+{_COUNTRY_CODE}"
    digits = phone.removeprefix(country)
    if digits == phone or not digits.isdecimal() or len(digits) <= 2 * _SHOWN_DIGITS:
        return "*****"
    return f"{country}*****{digits[-_SHOWN_DIGITS:]}"
