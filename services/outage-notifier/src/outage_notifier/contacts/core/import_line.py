"""What one line of an import says, or why it is refused. No value of a line is ever quoted: it may be personal."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from gridcare.events.supply_points import SupplyPointChanged
from gridcare.values.customer_code import is_customer_code
from gridcare.values.phone import InvalidPhone, parse_mobile
from outage_notifier.contacts.core.contact import (
    DEVICE_KINDS,
    PLATFORMS,
    REGISTRATION_PATTERN,
    SEGMENTS,
    DeviceKind,
    Platform,
    Segment,
)
from outage_notifier.texts.languages import LANGUAGES, Language

ImportKind = Literal["supply-points", "contacts", "devices"]
NAME_LENGTH_MAX: Final = 200
VERSION_MAX: Final = 2**53 - 1
_VERSION_DIGITS: Final = len(str(VERSION_MAX))
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REGISTRATION = re.compile(REGISTRATION_PATTERN)
_TRUE_FALSE: Final = {"true": True, "false": False}

Values = Mapping[str, str]
"""A line's values by column; every required column is there."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one kind of import.

    Those `ignored` may be there and are not kept. A JSON line may leave out a required column that `may_be_empty`.
    """

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    may_be_empty: frozenset[str] = frozenset()

    @property
    def known(self) -> frozenset[str]:
        """Every column that may be there."""
        return self.required | self.optional | self.ignored


SUPPLY_POINT_COLUMNS: Final = Columns(
    frozenset(
        {"supply_point_id", "customer_code", "transformer_id", "feeder_id", "substation_id", "ward_code", "version"}
    ),
    ignored=frozenset({"address", "lat", "lon"}),  # personal, and not needed to tell anybody of a cut
)
CONTACT_COLUMNS: Final = Columns(
    frozenset({"customer_code", "phone", "language", "consent"}),
    optional=frozenset({"name", "segment", "primary", "replaces", "removed"}),
    may_be_empty=frozenset({"phone"}),
)
DEVICE_COLUMNS: Final = Columns(frozenset({"customer_code", "kind", "registration", "platform"}))


class BadLine(Exception):
    """A line that is not kept: `reason` is a stable code, `column` the column at fault, if any."""

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


T = TypeVar("T")
Line = tuple[int, T | BadLine]
"""A line's number, from 1 as an editor counts, and what it says, or why it is refused."""


@dataclass(frozen=True, slots=True)
class ImportedContact:
    """A customer with a phone (E.164), or without one, and with language and consent.

    An empty name or no segment changes nothing of what is known. `primary`: messages go to the phone first. It `replaces`
    another (E.164) or `all` others. `removed`: nothing is sent to it any more.
    """

    customer_code: str
    phone: str | None = field(repr=False)
    language: Language
    consent: bool
    name: str = field(repr=False)
    segment: Segment | None
    primary: bool = False
    replaces: str = field(default="", repr=False)
    removed: bool = False


@dataclass(frozen=True, slots=True)
class ImportedDevice:
    """A device of a customer, known from an earlier app."""

    customer_code: str
    kind: DeviceKind
    registration: str = field(repr=False)
    platform: Platform


def read_supply_point(values: Values) -> SupplyPointChanged:
    """Read what is published of a supply point. Raises BadLine."""
    return SupplyPointChanged(
        supply_point_id=_code(values, "supply_point_id"),
        customer_code=_customer_code(values),
        transformer_id=_code(values, "transformer_id"),
        feeder_id=_code(values, "feeder_id"),
        substation_id=_code(values, "substation_id"),
        ward_code=_code(values, "ward_code"),
        version=_version(values),
    )


def read_contact(values: Values) -> ImportedContact:
    """Read a contact; an empty phone means that the customer has none. Raises BadLine."""
    primary, removed = (
        _true_false(values, column) if values.get(column) else False for column in ("primary", "removed")
    )
    replaces = values.get("replaces", "").strip()
    if not values["phone"].strip() and (primary or removed or replaces):
        raise BadLine("missing-value", "phone")
    if removed and (primary or replaces):
        raise BadLine("removed-and-kept", "removed")
    name = values.get("name", "").strip()
    if len(name) > NAME_LENGTH_MAX or "\x00" in name:
        raise BadLine("invalid-name", "name")
    return ImportedContact(
        customer_code=_customer_code(values),
        phone=_phone(values["phone"]) if values["phone"].strip() else None,
        language=_one_of(values, "language", LANGUAGES, "unknown-language"),
        consent=_true_false(values, "consent"),
        name=name,
        segment=_one_of(values, "segment", SEGMENTS, "unknown-segment") if values.get("segment") else None,
        primary=primary,
        replaces=replaces if replaces in {"", "all"} else _phone(replaces, "replaces"),
        removed=removed,
    )


def read_device(values: Values) -> ImportedDevice:
    """Read a device. Raises BadLine."""
    registration = values["registration"]
    if not _REGISTRATION.fullmatch(registration):
        raise BadLine("invalid-registration", "registration")
    return ImportedDevice(
        customer_code=_customer_code(values),
        kind=_one_of(values, "kind", DEVICE_KINDS, "unknown-kind"),
        registration=registration,
        platform=_one_of(values, "platform", PLATFORMS, "unknown-platform"),
    )


def _phone(text: str, column: str = "phone") -> str:
    try:
        return parse_mobile(text)
    except InvalidPhone as error:
        raise BadLine(f"phone-{error.reason}", column) from None


def _true_false(values: Values, column: str) -> bool:
    value = _TRUE_FALSE.get(values[column].lower())
    if value is None:
        raise BadLine("not-true-or-false", column)
    return value


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
    # the length is checked first: Python refuses to parse thousands of digits
    if not (text.isascii() and text.isdigit() and len(text) <= _VERSION_DIGITS and 1 <= int(text) <= VERSION_MAX):
        raise BadLine("invalid-version", "version")
    return int(text)


S = TypeVar("S", bound=str)


def _one_of(values: Values, column: str, known: Sequence[S], reason: str) -> S:
    for each in known:
        if each == values[column]:
            return each
    raise BadLine(reason, column)
