"""The generated records. Their fields, in order, are the columns of the files."""

from typing import Literal

import msgspec

Language = Literal["vi", "km", "zh", "en"]
Segment = Literal["ordinary", "life_support", "elderly", "business", "hospital"]


class SupplyPoint(msgspec.Struct, frozen=True):
    """A supply point. `address` is personal data and must never be on a topic."""

    supply_point_id: str
    customer_code: str
    transformer_id: str
    feeder_id: str
    substation_id: str
    ward_code: str
    address: str
    lat: float
    lon: float
    version: int


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A customer's phone in E.164, with language and consent."""

    customer_code: str
    phone: str
    language: Language
    consent: bool
    name: str | None = None
    segment: Segment | None = None


class Device(msgspec.Struct, frozen=True):
    """The app on a customer's device. `registration` is opaque: 22 characters for a fid, more for a token."""

    customer_code: str
    kind: Literal["fid", "token"]
    registration: str
    platform: Literal["android", "ios"]


class Team(msgspec.Struct, frozen=True):
    """A local power-management team. Its id is the unit code with which its customers' codes start."""

    team_id: str
    name: str
    ward_codes: tuple[str, ...]


class Substation(msgspec.Struct, frozen=True):
    """A substation; `ward_codes` are those of its transformers, in order."""

    substation_id: str
    team_id: str
    ward_codes: tuple[str, ...]


class Feeder(msgspec.Struct, frozen=True):
    """A feeder of one substation; `ward_codes` are those of its transformers, in order."""

    feeder_id: str
    substation_id: str
    team_id: str
    ward_codes: tuple[str, ...]


class Transformer(msgspec.Struct, frozen=True):
    """A transformer on one feeder and in one ward; `supply_points` is the number of its supply points."""

    transformer_id: str
    feeder_id: str
    substation_id: str
    team_id: str
    ward_code: str
    lat: float
    lon: float
    supply_points: int
