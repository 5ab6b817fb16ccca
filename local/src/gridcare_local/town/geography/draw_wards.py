"""Makes wards.csv and former_wards.csv from the data of the package vietnamadminunits (see README.md in this folder).

Run it by hand when the map changes: `python draw_wards.py <folder of the installed package vietnamadminunits>`.
It only reads that package's data files, so that the package and its requirements do not become our dependencies.
"""

import csv
import json
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

PROVINCE_CODE = "92"
PROVINCE_KEY = "thanhphocantho"


def main(package: Path) -> None:
    """Write both files next to this script, sorted by ward code."""
    database = sqlite3.connect(package / "data" / "dataset.db")
    converter = json.loads((package / "data" / "converter_2025.json").read_text(encoding="utf-8"))
    wards = {
        row[0]: row[1:]
        for row in database.execute(
            "SELECT wardKey, wardCode, wardShort, wardType, wardLat, wardLon, wardAreaKm2"
            " FROM admin_units WHERE provinceCode = ?",
            (PROVINCE_CODE,),
        )
    }
    former = _former_wards(database, converter, wards)
    seats: dict[str, Counter[tuple[str, str]]] = {key: Counter() for key in wards}
    for ward_key, row in former:
        seats[ward_key][(row[3], row[2])] += 2 * (row[4] != "part") + (row[1].endswith(wards[ward_key][1]))
    here = Path(__file__).parent
    rows: list[tuple[Any, ...]] = [
        (*wards[key], *max(sorted(seats[key]), key=lambda seat: seats[key][seat])) for key in wards
    ]
    header: tuple[str, ...] = ("code", "name", "kind", "lat", "lon", "area_km2", "former_province", "former_district")
    _write(here / "wards.csv", header, rows)
    header = ("ward_code", "former_code", "former_name", "former_district", "former_province", "share")
    _write(here / "former_wards.csv", header, [(wards[key][0], *row) for key, row in former])


def _former_wards(
    database: sqlite3.Connection, converter: dict[str, Any], wards: dict[str, Any]
) -> list[tuple[str, tuple[str, ...]]]:
    old = {
        "_".join(row[:3]): row[3:]
        for row in database.execute(
            "SELECT provinceKey, districtKey, wardKey, wardCode, ward, district, provinceShort"
            " FROM admin_units_legacy WHERE wardKey IS NOT NULL"
        )
    }
    former = []
    for ward_key, keys in converter["DICT_PROVINCE_WARD_NO_DIVIDED"][PROVINCE_KEY].items():
        former += [(ward_key, (*old[key], "whole")) for key in keys]
    provinces = {key: Counter(row[3] for ward_key, row in former if ward_key == key) for key in wards}
    for key, parts in converter["DICT_PROVINCE_WARD_DIVIDED"][PROVINCE_KEY].items():
        # the source mixes up old wards of one name in different old provinces: keep the parts in their own province
        own = [
            part for part in parts if old[key][3] in provinces[part["newWardKey"]] or not provinces[part["newWardKey"]]
        ]
        own.sort(key=lambda part: not part["isDefaultNewWard"])
        shares = ["whole"] if len(own) == 1 else ["most", *["part"] * (len(own) - 1)]
        former += [(part["newWardKey"], (*old[key], share)) for part, share in zip(own, shares, strict=True)]
    return former


def _write(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(sorted(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
