"""The wards of Can Tho since 1 July 2025, and the old wards from which they were made."""

import csv
from collections.abc import Iterator
from functools import cache
from importlib import resources

import msgspec


class Ward(msgspec.Struct, frozen=True):
    """A ward with its centre (WGS 84 degrees). Most of it was in `former_province` and `former_district`."""

    code: str
    name: str
    kind: str
    lat: float
    lon: float
    area_km2: float
    former_province: str
    former_district: str


class FormerWard(msgspec.Struct, frozen=True):
    """An old ward that became part of a new one; `share` of it is `whole`, `most` or `part`."""

    ward_code: str
    former_code: str
    former_name: str
    former_district: str
    former_province: str
    share: str


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (resources.files(__package__) / name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


@cache
def load_wards() -> tuple[Ward, ...]:
    """Return the 103 wards, ordered by code."""
    return tuple(msgspec.convert(row, Ward, strict=False) for row in _rows("wards.csv"))


@cache
def load_former_wards() -> tuple[FormerWard, ...]:
    """Return the new wards of each of the 263 old ones, ordered by new code. A divided one has several rows."""
    return tuple(msgspec.convert(row, FormerWard, strict=False) for row in _rows("former_wards.csv"))
