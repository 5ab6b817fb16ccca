"""What a cluster is tried with: the main job once, and customers at work while everything is restarted."""

import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from gridcare_local.demo.accounting import balance
from gridcare_local.demo.client import Client
from gridcare_local.demo.cut import publish_cut
from gridcare_local.demo.load import Town, load_town
from gridcare_local.errors import LocalStackError
from gridcare_local.pods.site import ClusterSite
from gridcare_local.town.world import DemoWorld

SUPPLY_POINTS: Final = 4_000
SEED: Final = 1
CUSTOMERS: Final = 200
"""Each opens a ticket now and then: one customer may open twenty within an hour."""

TIMEOUT_S: Final = 900.0
ENOUGH: Final = Path("/tmp/enough")  # noqa: S108 - the pod's own; whoever watches the job makes it
CUTS_MIN: Final = 2
PAUSE_S: Final = 0.05
REPAIR: Final = "repair-intake"


def main_job() -> int:
    """Load a town, tell everybody of a cut, and balance the books. Return 3 if they do not balance."""
    site = ClusterSite()
    return _tell(site, _town(site))


def restarts() -> int:
    """Open tickets and publish cuts until told that it is enough. Return 3 if one was lost or an SMS came twice."""
    site = ClusterSite()
    town = _town(site)
    tickets = _Tickets(site)
    worker = threading.Thread(target=tickets.open_many, name="tickets")
    worker.start()
    _say("under load")
    wrong, cuts = 0, 0
    while cuts < CUTS_MIN or not ENOUGH.exists():
        wrong |= _tell(site, town)
        cuts += 1
    tickets.enough.set()
    worker.join()
    lost = tickets.lost()
    repeated = [body for body, count in _texts(site).items() if count > 1]
    for refused in tickets.refused:
        _say(f"wrong: {refused}")
    _say(f"{cuts} cuts; {len(tickets.accepted)} tickets accepted, {len(lost)} lost; {len(repeated)} SMS sent twice")
    return 3 if wrong or lost or repeated or tickets.refused or not tickets.accepted else 0


class _Tickets:
    """Customers who ask for work, one request after the other, and what was answered with success."""

    def __init__(self, site: ClusterSite) -> None:
        points = {
            point.customer_code: point for point in DemoWorld(supply_points=SUPPLY_POINTS, seed=SEED).supply_points()
        }
        self._points = list(points.values())[:CUSTOMERS]
        self._customers = [Client(site, "customer", [point.customer_code]) for point in self._points]
        self._staff = Client(site, "dispatcher")
        self.accepted: list[str] = []
        self.refused: list[str] = []
        self.enough = threading.Event()

    def open_many(self) -> None:
        """Open tickets until told that it is enough, or until one is refused for good."""
        turn = 0
        while not self.enough.is_set() and not self.refused:
            at = turn % len(self._points)
            body = {
                "supply_point_id": self._points[at].supply_point_id,
                "kind": "repair",
                "category": "low_voltage",
                "client_ref": uuid.uuid4().hex,
            }
            try:
                self.accepted.append(self._customers[at].post(REPAIR, "/v1/tickets", body)["ticket_id"])
            except LocalStackError as error:
                self.refused.append(str(error))
            turn += 1
            time.sleep(PAUSE_S)

    def lost(self) -> Sequence[str]:
        """Return the accepted tickets that the service does not know."""
        missing = []
        for ticket_id in self.accepted:
            try:
                self._staff.get(REPAIR, f"/v1/tickets/{ticket_id}")
            except LocalStackError:
                missing.append(ticket_id)
        return missing


def _town(site: ClusterSite) -> Town:
    return load_town(site, supply_points=SUPPLY_POINTS, seed=SEED, canaries=0, report=_say)


def _tell(site: ClusterSite, town: Town) -> int:
    notice = publish_cut(site, town.feeder_ids, timeout_s=TIMEOUT_S, watch=lambda *_: None)
    books = balance(site, notice)
    for wrong in books.wrong:
        _say(f"wrong: {wrong}")
    _say(
        f"{notice.audience} customers told in {notice.seconds:.1f} s: {books.pushes_accepted} pushes "
        f"({books.pushes_repeated} repeats under the same tag), {books.texts_accepted} SMS; "
        f"the books {'do not ' if books.wrong else ''}balance"
    )
    return 3 if books.wrong else 0


def _texts(site: ClusterSite) -> Counter[tuple[str, str]]:
    """Count the accepted SMS by number and text: each cut's texts contain a mark of its own."""
    entries = (msgspec.json.decode(line) for line in site.journal("twilio"))
    return Counter((entry["to"], entry["body"]) for entry in entries if entry["kind"] == "accepted")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
