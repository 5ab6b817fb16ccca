"""`make faults-selftest`: put one bug at a time into a copy of the code, and see the campaign catch it."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import pytest
from tests.faults.campaign import campaign
from tests.faults.matrix.fault import Outcome, run_fault
from tests.faults.matrix.matrix import EXTRA, MATRIX
from tests.faults.seeded.bugs import Bug

ROOT: Final = Path(__file__).parents[3]
MEMBERS: Final = ("shared", "services/outage-notifier", "services/repair-intake", "services/billing-gateway")
COPIED: Final = ("src", "migrations")
QUIET_TIMEOUT_S: Final = 60.0
"""A bug may keep the stack from ever being quiet."""

TEST_TIMEOUT_S: Final = 300.0

BY_NUMBER: Final = {fault.number: fault for fault in (*MATRIX, *EXTRA)}


def copy_with(bug: Bug, target: Path) -> str:
    """Copy the code and put the bug into it. Return the PYTHONPATH that makes processes use the copy."""
    for member in MEMBERS:
        for folder in COPIED:
            if (ROOT / member / folder).exists():
                shutil.copytree(
                    ROOT / member / folder,
                    target / member / folder,
                    ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
                )
    for edit in bug.edits:
        (target / edit.file).write_text(edit.applied(target))
    return ":".join(str(target / member / "src") for member in MEMBERS)


def fails(bug: Bug) -> bool:
    """Run the bug's test against the code that has it. Return whether it fails."""
    with tempfile.TemporaryDirectory(prefix="gridcare-seeded-") as folder:
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", bug.test]
        environment = {**os.environ, "PYTHONPATH": copy_with(bug, Path(folder))}
        done = subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, timeout=TEST_TIMEOUT_S, check=False
        )
    return done.returncode == pytest.ExitCode.TESTS_FAILED


async def caught(bug: Bug, *, supply_points: int, seed: int) -> tuple[bool, list[Outcome]]:
    """Run the bug's faults against a stack that has the bug. Return whether an expected invariant spoke, and what came out."""
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="gridcare-seeded-", ignore_cleanup_errors=True) as folder:
        python_path = copy_with(bug, Path(folder) / "code")
        root = Path(folder) / "stack"
        root.mkdir()
        async with campaign(root, seed=seed, supply_points=supply_points, python_path=python_path) as run:
            run.quiet_timeout_s = QUIET_TIMEOUT_S
            for number in bug.faults:
                outcomes.append(await run_fault(BY_NUMBER[number], run))
                if outcomes[-1].invariants & bug.speaks:
                    return True, outcomes
    return False, outcomes


async def selftest(bugs: Iterable[Bug], *, supply_points: int, seed: int, say: Callable[[str], None]) -> int:
    """Try all bugs and print a table. Return how many were missed."""
    missed = tried = 0
    say("| bug | under fault | verdict |\n|---|---|---|")
    for bug in bugs:
        if bug.test:
            found = await asyncio.to_thread(fails, bug)
            tried, missed = tried + 1, missed + (not found)
            say(f"| {bug.name} | - | {'caught by' if found else 'MISSED by'} {bug.test} |")
            continue
        found, outcomes = await caught(bug, supply_points=supply_points, seed=seed)
        tried, missed = tried + 1, missed + (not found)
        spoke = sorted(set().union(*(each.invariants for each in outcomes)), key=lambda name: int(name[1:]))
        words = " | ".join(" / ".join(each.wrong) for each in outcomes if each.wrong)[:300]
        say(
            f"| {bug.name} | {', '.join(str(each.fault.number) for each in outcomes)} "
            f"| {'caught by' if found else 'MISSED;'} {', '.join(spoke) or 'nothing'}: {words} |"
        )
    say(f"{tried - missed} of {tried} caught")
    return missed
