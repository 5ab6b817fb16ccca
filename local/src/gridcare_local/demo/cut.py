"""Publishes a planned cut and waits until everybody is told."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gridcare_local.demo.client import Client
from gridcare_local.demo.site import Site
from gridcare_local.errors import LocalStackError

NOTIFIER: Final = "outage-notifier"
OPEN: Final = ("planned", "held", "retrying", "unknown", "awaiting")
DAYS_AHEAD: Final = 7
"""More than the five days of notice that the law requires."""

LOOK_INTERVAL_S: Final = 0.25

Watcher = Callable[[int, int], None]
"""Is called with the number of settled recipients and the size of the audience."""


@dataclass(frozen=True, slots=True)
class CompletedNotice:
    """A completed notice according to the API. `seconds` is the time since publishing; `mark` is in its texts."""

    notice_id: str
    mark: str
    audience: int
    states: dict[str, int]
    channels: dict[str, int]
    seconds: float


def draft(
    planner: Client, feeder_ids: Sequence[str], *, days_ahead: int, clock_offset_s: float = 0, mark: str = ""
) -> str:
    """Create a planned cut of these feeders, from 08:00 to 11:00, and return its id. Its texts contain `mark`."""
    start = (datetime.now(UTC) + timedelta(seconds=clock_offset_s, days=days_ahead)).replace(
        hour=1, minute=0, second=0, microsecond=0
    )
    body: dict[str, Any] = {
        "kind": "planned",
        "cause": "Bảo trì lưới điện",
        "place": f"TP. Cần Thơ {mark}".strip(),
        "windows": [{"start": start.isoformat(), "end": (start + timedelta(hours=3)).isoformat()}],
        "scope": {"feeder_ids": list(feeder_ids)},
    }
    return str(planner.post(NOTIFIER, "/v1/outages", body)["outage_id"])


def publish_cut(site: Site, feeder_ids: Sequence[str], *, timeout_s: float, watch: Watcher) -> CompletedNotice:
    """Publish a cut of these feeders in a week and wait until its announcement is complete.

    Raises LocalStackError with the states of its deliveries if it is not complete in time.
    """
    planner = Client(site, "planner")
    mark = secrets.token_hex(3).upper()
    offset_s = site.clock_offset_s
    outage_id = draft(planner, feeder_ids, days_ahead=DAYS_AHEAD, clock_offset_s=offset_s, mark=mark)
    started = time.monotonic()
    published = planner.post(NOTIFIER, f"/v1/outages/{outage_id}/publish", {})
    expected = next(reach["audience"] for reach in published["preview"] if reach["kind"] == "announcement")
    notice_id = _announcement(planner, published["notice_ids"])
    while True:
        seconds = time.monotonic() - started
        progress = planner.get(NOTIFIER, f"/v1/notices/{notice_id}")
        open_now = sum(progress["states"].get(state, 0) for state in OPEN)
        watch(progress["audience"] - open_now, max(expected, progress["audience"]))
        if progress["state"] == "completed":
            return CompletedNotice(
                notice_id, mark, progress["audience"], progress["states"], progress["channels"], seconds
            )
        if seconds > timeout_s:
            raise LocalStackError(f"not complete after {timeout_s:.0f} s: {progress['states']}")
        time.sleep(LOOK_INTERVAL_S)


def _announcement(planner: Client, notice_ids: Sequence[str]) -> str:
    for notice_id in notice_ids:
        if planner.get(NOTIFIER, f"/v1/notices/{notice_id}")["kind"] == "announcement":
            return notice_id
    raise LocalStackError("the outage has no announcement")
