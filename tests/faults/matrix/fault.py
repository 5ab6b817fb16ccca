"""A fault of the matrix, and how it is run."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import httpx
import psutil
from aiokafka.errors import KafkaError
from tests.faults.campaign import NO_LOOK, Campaign
from tests.faults.judge.violation import Violation, shown

from gridcare_local.errors import LocalStackError

Act = Callable[[Campaign], Awaitable[str]]
"""Injects the fault while business goes on, and returns what was injected. Raises Broken for what it sees itself."""


NOT_INJECTED = (
    AssertionError,
    OSError,
    LocalStackError,
    httpx.HTTPError,
    asyncpg.PostgresError,
    psutil.Error,
    KafkaError,
)


class Broken(Exception):
    """A promise was seen broken while the fault was there."""


@dataclass(frozen=True)
class Fault:
    """One fault: its number, what it is, what must hold beside the invariants, and what injects it."""

    number: int
    title: str
    act: Act


@dataclass(frozen=True)
class Outcome:
    """What came of a fault: `wrong` is empty when every promise held."""

    fault: Fault
    injected: str
    wrong: list[str]
    invariants: frozenset[str]
    seconds: float

    @property
    def held(self) -> bool:
        return not self.wrong


async def run_fault(fault: Fault, run: Campaign) -> Outcome:
    """Inject a fault, let the stack calm down, judge."""
    began = time.monotonic()
    run.journal.note("fault", number=fault.number, title=fault.title)
    wrong: list[str] = []
    injected = "-"
    try:
        injected = await fault.act(run)
    except Broken as broken:
        wrong.append(str(broken))
    except NOT_INJECTED as error:
        wrong.append(f"not injected: {type(error).__name__}: {error}")
    left = await run.calm_down()
    if left:
        wrong.append(f"not quiet: {', '.join(left)}")
    fresh: set[Violation] = set()
    try:
        fresh = await run.verdict()
    except NO_LOOK as error:
        wrong.append(f"not judged: {type(error).__name__}")
    if fresh:
        wrong.append(shown(fresh))
    if died := run.died():
        wrong.append(f"died of a bug: {', '.join(died)}")
    return Outcome(fault, injected, wrong, frozenset(each.invariant for each in fresh), time.monotonic() - began)
