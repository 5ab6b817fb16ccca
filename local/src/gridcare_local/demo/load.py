"""Loads a made-up town into a running site through the APIs that a utility would use."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gridcare_local.demo.client import Client
from gridcare_local.demo.cut import NOTIFIER, draft
from gridcare_local.demo.site import Site
from gridcare_local.errors import LocalStackError
from gridcare_local.town.world import DemoWorld
from gridcare_local.town.write import write_demo_data

PROJECTED_TIMEOUT_S: Final = 600.0
LOOK_INTERVAL_S: Final = 0.5

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Town:
    """A loaded town: all its feeders and the number of its customers."""

    feeder_ids: tuple[str, ...]
    customers: int


def load_town(site: Site, *, supply_points: int, seed: int, canaries: int, report: Report) -> Town:
    """Generate a town, import it, and wait until its supply points have passed through their topic."""
    directory = site.data_dir
    report(f"generating {supply_points:,} supply points")
    write_demo_data(directory, supply_points=supply_points, seed=seed, canaries=canaries)
    ops = Client(site, "ops")
    teams = json.loads((directory / "teams.json").read_text())
    ops.put("repair-intake", "/v1/teams", teams)
    for what, file, media_type in (
        ("supply points", "supply_points.csv", "text/csv"),
        ("contacts", "contacts.csv", "text/csv"),
        ("devices", "devices.jsonl", "application/jsonl"),
    ):
        report(f"importing {what}")
        answer = ops.upload(NOTIFIER, f"/v1/imports/{what.replace(' ', '-')}", directory / file, media_type)
        if answer["refused"]:
            raise LocalStackError(f"{file}: {answer['refused']} lines refused, the first {answer['bad_lines'][0]}")
    world = DemoWorld(supply_points=supply_points, seed=seed, canaries=canaries)
    town = Town(loaded_feeders(site), len({point.customer_code for point in world.supply_points()}))
    report("waiting for the supply points to pass their topic")
    _wait_projected(site, town)
    return town


def loaded_feeders(site: Site) -> tuple[str, ...]:
    """Return the feeders of the town that was loaded last. Raises LocalStackError if none was."""
    grid = site.data_dir / "grid.json"
    if not grid.exists():
        raise LocalStackError("no town was loaded: `gridcare run` loads one")
    return tuple(feeder["feeder_id"] for feeder in json.loads(grid.read_text())["feeders"])


def _wait_projected(site: Site, town: Town) -> None:
    """Wait until an outage of all feeders would reach all customers."""
    planner = Client(site, "planner")
    deadline = time.monotonic() + PROJECTED_TIMEOUT_S
    outage_id = ""
    while time.monotonic() < deadline:
        try:
            outage_id = outage_id or draft(planner, town.feeder_ids, days_ahead=30, clock_offset_s=site.clock_offset_s)
            reach = planner.post(NOTIFIER, f"/v1/outages/{outage_id}/preview", {})["notices"][0]
            if reach["audience"] >= town.customers:  # a larger town loaded before is still there
                return
        except LocalStackError as error:
            if "unknown-scope" not in str(error):
                raise
        time.sleep(LOOK_INTERVAL_S)
    raise LocalStackError("the supply points did not pass their topic; see the logs of the relay and the consumer")
