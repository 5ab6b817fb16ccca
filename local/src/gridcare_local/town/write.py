"""Writes a demo world to a directory."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from gridcare_local.town.bad_lines import BadLine, spoil
from gridcare_local.town.files import FORMATS, FileFacts, Format, TableFile, write_json
from gridcare_local.town.geography.grid import substations_and_feeders
from gridcare_local.town.geography.teams import load_teams
from gridcare_local.town.people.customers import CANARY_MARKER
from gridcare_local.town.people.phones import canary_phone
from gridcare_local.town.records import Contact, Device, SupplyPoint
from gridcare_local.town.world import DemoWorld

BAD_LINES_MAX = 10_000
_OPTIONAL_FILES = (
    "canaries.json",
    "bad_lines.json",
    *(f"{t}.{f}" for t in ("supply_points", "contacts") for f in FORMATS),
)


class Manifest(msgspec.Struct, frozen=True):
    """The arguments that a directory of demo data was made from, and the facts of its tables by file name."""

    seed: int
    supply_points: int
    canaries: int
    bad_lines: int
    files: dict[str, FileFacts]


class Canaries(msgspec.Struct, frozen=True):
    """What to search for outside the notifier's database, where it must not be: each phone and the marker."""

    marker: str
    customer_codes: tuple[str, ...]
    phones: tuple[str, ...]


def write_demo_data(
    directory: Path,
    *,
    supply_points: int,
    seed: int = 1,
    formats: Collection[Format] = FORMATS[:1],
    canaries: int = 0,
    bad_lines: int = 0,
    on_progress: Callable[[int], None] | None = None,
) -> Manifest:
    """Write a demo world. The same arguments write the same bytes on every machine.

    The files are supply_points and contacts in each of the formats, devices.jsonl, teams.json, grid.json and
    manifest.json; canaries.json if there are canaries; and bad_lines.json (file, line, mistake) if `bad_lines` is not
    0: then that many bad lines are mixed into each file of supply points and contacts. Files of an earlier run are
    replaced. `on_progress` gets the number of supply points written so far, about every 90. Raises ValueError for sizes
    out of range or an unknown format.
    """
    chosen = tuple(form for form in FORMATS if form in formats)
    if not chosen or len(chosen) != len(set(formats)):
        raise ValueError(f"formats must be some of {', '.join(FORMATS)}")
    if not 0 <= bad_lines <= min(BAD_LINES_MAX, supply_points):
        raise ValueError(f"the number of bad lines must lie between 0 and {min(BAD_LINES_MAX, supply_points)}")
    world = DemoWorld(supply_points=supply_points, seed=seed, canaries=canaries)
    directory.mkdir(parents=True, exist_ok=True)
    for name in _OPTIONAL_FILES:
        (directory / name).unlink(missing_ok=True)
    files, spoiled = _write_tables(directory, world, chosen, bad_lines, on_progress or (lambda _: None))
    write_json(directory / "teams.json", load_teams())
    substations, feeders = substations_and_feeders(world.blocks)
    transformers = [block.record() for block in world.blocks]
    write_json(directory / "grid.json", {"substations": substations, "feeders": feeders, "transformers": transformers})
    if canaries:
        phones = tuple(canary_phone(number) for number in range(canaries))
        write_json(directory / "canaries.json", Canaries(CANARY_MARKER, world.canary_codes, phones))
    if bad_lines:
        write_json(directory / "bad_lines.json", spoiled)
    manifest = Manifest(seed, supply_points, canaries, bad_lines, files)
    write_json(directory / "manifest.json", manifest)
    return manifest


def _write_tables(
    directory: Path,
    world: DemoWorld,
    formats: Sequence[Format],
    bad_lines: int,
    on_progress: Callable[[int], None],
) -> tuple[dict[str, FileFacts], list[BadLine]]:
    """Write the three tables in one pass, transformer by transformer, with evenly spread bad lines."""
    spoiled: list[BadLine] = []
    written = spoilt = 0
    with ExitStack() as stack:
        supply_points = [stack.enter_context(TableFile(directory, "supply_points", SupplyPoint, f)) for f in formats]
        contacts = [stack.enter_context(TableFile(directory, "contacts", Contact, f)) for f in formats]
        devices = stack.enter_context(TableFile(directory, "devices", Device, "jsonl"))
        for block in world.blocks:
            new_supply_points = list(world.supply_points_of(block))
            customers = list(world.customers_of(block))
            new_contacts = [contact for customer in customers for contact in world.contacts_of(customer)]
            for file in supply_points:
                file.write(new_supply_points)
            for file in contacts:
                file.write(new_contacts)
            devices.write([device for customer in customers for device in world.devices_of(customer)])
            written += block.size
            while spoilt < bad_lines and written * bad_lines >= (spoilt + 1) * world.supply_points_count:
                good = new_supply_points[spoilt % len(new_supply_points)]
                spoiled += _spoil(supply_points, spoilt, msgspec.to_builtins(good))
                spoiled += _spoil(contacts, spoilt, msgspec.to_builtins(_good_contact(good.customer_code)))
                spoilt += 1
            on_progress(written)
    return {file.name: file.facts() for file in [*supply_points, *contacts, devices]}, spoiled


def _good_contact(customer_code: str) -> Contact:
    # not one of the world's: a bad line must not contain a canary, or do harm if an import accepts it by mistake
    return Contact(customer_code=customer_code, phone="+84912345678", language="vi", consent=False)


def _spoil(files: Sequence[TableFile], number: int, good: dict[str, Any]) -> list[BadLine]:
    bad = []
    for file in files:
        mistake, row = spoil(file.table, number, good)
        bad.append(BadLine(file.name, file.write_bad(mistake, row), mistake))
    return bad
