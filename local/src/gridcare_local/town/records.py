"""What the generator yields; the fields are the columns of the files, in their order."""

from typing import Literal

import msgspec

Language = Literal["vi", "km", "zh", "en"]
Segment = Literal["ordinary", "life_support", "elderly", "business", "hospital"]


class SupplyPoint(msgspec.Struct, frozen=True):
    """A supply point. `address` is personal: it never goes on a topic."""

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
    """A phone of a customer, E.164, with the language and the consent that go with it."""

    customer_code: str
    phone: str
    language: Language
    consent: bool
    name: str | None = None
    segment: Segment | None = None


class Device(msgspec.Struct, frozen=True):
    """The app on a customer's device; `registration` is opaque: 22 characters for a fid, more for a token."""

    customer_code: str
    kind: Literal["fid", "token"]
    registration: str
    platform: Literal["android", "ios"]


class Team(msgspec.Struct, frozen=True):
    """A local power-management team; its id is the unit code that its customers' codes start with."""

    team_id: str
    name: str
    ward_codes: tuple[str, ...]


class Substation(msgspec.Struct, frozen=True):
    """Feeds its feeders; `ward_codes` are those of its transformers, in order."""

    substation_id: str
    team_id: str
    ward_codes: tuple[str, ...]


class Feeder(msgspec.Struct, frozen=True):
    """Hangs on one substation; `ward_codes` are those of its transformers, in order."""

    feeder_id: str
    substation_id: str
    team_id: str
    ward_codes: tuple[str, ...]


class Transformer(msgspec.Struct, frozen=True):
    """Hangs on one feeder, stands in one ward and feeds `supply_points` supply points."""

    transformer_id: str
    feeder_id: str
    substation_id: str
    team_id: str
    ward_code: str
    lat: float
    lon: float
    supply_points: int
