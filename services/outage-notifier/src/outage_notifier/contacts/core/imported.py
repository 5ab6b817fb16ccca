"""What one line of an import says, or why it is refused. No value of a line is ever quoted: it may be personal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gridcare.known_supply_points.core import SupplyPoint
from gridcare.values.customer_code import is_customer_code
from gridcare.values.phone import InvalidPhone, parse_mobile

DeviceKind = Literal["fid", "token"]
"""What a registration is: a Firebase installation id, or a token of an older app."""
Platform = Literal["android", "ios"]

LANGUAGES: Final = frozenset({"vi", "km", "zh", "en"})
SEGMENTS: Final = frozenset({"ordinary", "life_support", "elderly", "business", "hospital"})
NAME_LENGTH_MAX: Final = 200
VERSION_MAX: Final = 2**53 - 1
_VERSION_DIGITS: Final = len(str(VERSION_MAX))
REGISTRATION_PATTERN: Final = r"^[A-Za-z0-9:._-]{10,4096}$"
"""Firebase installation ids have 22 characters, registration tokens some 160; neither has a stated limit."""
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REGISTRATION = re.compile(REGISTRATION_PATTERN)
_TRUE_FALSE: Final = {"true": True, "false": False}

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one kind of import; those `ignored` may be there and are not kept."""

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()

    @property
    def known(self) -> frozenset[str]:
        return self.required | self.optional | self.ignored


SUPPLY_POINT_COLUMNS: Final = Columns(
    frozenset(
        {"supply_point_id", "customer_code", "transformer_id", "feeder_id", "substation_id", "ward_code", "version"}
    ),
    ignored=frozenset({"address", "lat", "lon"}),  # personal, and not needed to tell anybody of a cut
)
CONTACT_COLUMNS: Final = Columns(
    frozenset({"customer_code", "phone", "language", "consent"}), optional=frozenset({"name", "segment"})
)
DEVICE_COLUMNS: Final = Columns(frozenset({"customer_code", "kind", "registration", "platform"}))


class BadLine(Exception):
    """A line that is not kept; `reason` is a stable code, `column` the one that it is about."""

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


@dataclass(frozen=True, slots=True)
class ImportedContact:
    """A customer's phone, in E.164, or None for a customer without one; with language and consent.

    An empty name and a segment of None say nothing: what is known stays.
    """

    customer_code: str
    phone: str | None
    language: str
    consent: bool
    name: str
    segment: str | None


@dataclass(frozen=True, slots=True)
class ImportedDevice:
    """A device that is known from elsewhere."""

    customer_code: str
    kind: str
    registration: str
    platform: str


def read_supply_point(values: Values) -> SupplyPoint:
    """Read a supply point. Raises BadLine."""
    return SupplyPoint(
        supply_point_id=_code(values, "supply_point_id"),
        customer_code=_customer_code(values),
        transformer_id=_code(values, "transformer_id"),
        feeder_id=_code(values, "feeder_id"),
        substation_id=_code(values, "substation_id"),
        ward_code=_code(values, "ward_code"),
        version=_version(values),
    )


def read_contact(values: Values) -> ImportedContact:
    """Read a contact; an empty phone is a customer who has none. Raises BadLine."""
    consent = _TRUE_FALSE.get(values["consent"].lower())
    if consent is None:
        raise BadLine("not-true-or-false", "consent")
    name = values.get("name", "").strip()
    if len(name) > NAME_LENGTH_MAX or "\x00" in name:
        raise BadLine("invalid-name", "name")
    return ImportedContact(
        customer_code=_customer_code(values),
        phone=_phone(values["phone"]) if values["phone"].strip() else None,
        language=_one_of(values, "language", LANGUAGES, "unknown-language"),
        consent=consent,
        name=name,
        segment=_one_of(values, "segment", SEGMENTS, "unknown-segment") if values.get("segment") else None,
    )


def read_device(values: Values) -> ImportedDevice:
    """Read a device. Raises BadLine."""
    registration = values["registration"]
    if not _REGISTRATION.fullmatch(registration):
        raise BadLine("invalid-registration", "registration")
    return ImportedDevice(
        customer_code=_customer_code(values),
        kind=_one_of(values, "kind", frozenset({"fid", "token"}), "unknown-kind"),
        registration=registration,
        platform=_one_of(values, "platform", frozenset({"android", "ios"}), "unknown-platform"),
    )


def _phone(text: str) -> str:
    try:
        return parse_mobile(text)
    except InvalidPhone as error:
        raise BadLine(f"phone-{error.reason}", "phone") from None


def _code(values: Values, column: str) -> str:
    if not _CODE.fullmatch(values[column]):
        raise BadLine("invalid-code", column)
    return values[column]


def _customer_code(values: Values) -> str:
    if not is_customer_code(values["customer_code"]):
        raise BadLine("invalid-customer-code", "customer_code")
    return values["customer_code"]


def _version(values: Values) -> int:
    text = values["version"]
    # its length first: Python refuses to read thousands of digits
    if not (text.isascii() and text.isdigit() and len(text) <= _VERSION_DIGITS and 1 <= int(text) <= VERSION_MAX):
        raise BadLine("invalid-version", "version")
    return int(text)


def _one_of(values: Values, column: str, known: frozenset[str], reason: str) -> str:
    if values[column] not in known:
        raise BadLine(reason, column)
    return values[column]
