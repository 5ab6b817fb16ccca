"""All invariants at once."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
from tests.faults.judge import answers, deliveries, events, money
from tests.faults.judge.evidence import Evidence
from tests.faults.judge.violation import Check, Violation
from tests.faults.rig.rig import Rig
from tests.integration.test_personal_data import needles_of

from gridcare_local.stack.catalog import SERVICE_PARTS


def canaries_of(root: Path) -> re.Pattern[bytes]:
    """Return what matches the phones and words of the town's canaries."""
    return needles_of(json.loads((root / "data" / "canaries.json").read_text())["phones"])


def nobody_is_named(evidence: Evidence) -> Iterator[str]:
    """I16: no canary on a topic, in a log, a span or a metric."""
    yield from (f"a canary in {place}" for place in evidence.hits)
    root = evidence.rig.root
    needles = canaries_of(root)
    files = [
        *root.glob("logs/*"),
        *root.glob("traces/*"),
        root / "postgres" / "postgres.log",
        root / "kafka" / "kafka.log",
    ]
    for file in files:
        if file.exists() and needles.search(file.read_bytes()):
            yield f"a canary in {file.name}"
    for name in SERVICE_PARTS:
        page = _metrics(evidence.rig, name)
        if needles.search(page):
            yield f"a canary in the metrics of {name}"


def _metrics(rig: Rig, name: str) -> bytes:
    port = rig.stack.settings.ports[f"{name}.health"]
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5, trust_env=False).content
    except httpx.TransportError:
        return b""


INVARIANTS: Final[dict[str, Check]] = {
    "I1": answers.acknowledged_are_there,
    "I2": answers.asked_once_made_once,
    "I3": events.events_are_published,
    "I4": events.events_arrive,
    "I5": deliveries.everybody_is_told,
    "I6": deliveries.steps_are_legal,
    "I7": deliveries.providers_agree,
    "I8": deliveries.nothing_is_doubled,
    "I9": money.books_balance,
    "I10": money.money_comes_in_once,
    "I11": money.bills_add_up,
    "I12": money.money_is_conserved,
    "I13": events.order_is_kept,
    "I14": deliveries.opt_outs_are_kept,
    "I15": events.offsets_are_honest,
    "I16": nobody_is_named,
    "I17": deliveries.news_comes_in_order,
}


def judge(evidence: Evidence) -> set[Violation]:
    """Return everything that is wrong."""
    return {Violation(name, what) for name, check in INVARIANTS.items() for what in check(evidence)}
