"""`make faults`: break Gridcare on purpose, and judge what is left."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.campaign import campaign
from tests.faults.matrix.fault import Outcome, run_fault
from tests.faults.matrix.matrix import DRAWN, EXTRA, MATRIX
from tests.faults.seeded.bugs import BUGS
from tests.faults.seeded.selftest import selftest

SUPPLY_POINTS = 600


def say(line: str) -> None:
    """Show a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def row(outcome: Outcome) -> str:
    """Return a line of the table."""
    verdict = "held" if outcome.held else "BROKEN: " + " | ".join(outcome.wrong)
    return (
        f"| {outcome.fault.number} | {outcome.fault.title} | {outcome.injected} | {verdict} | {outcome.seconds:.0f} s |"
    )


async def run_at_random(root: Path, *, minutes: float, seed: int) -> int:
    """Draw faults by a seed until the time is over. Return 1, and say the seed, as soon as a promise is broken."""
    deadline = time.monotonic() + minutes * 60
    async with campaign(root, seed=seed, supply_points=SUPPLY_POINTS) as run:
        draws = 0
        while time.monotonic() < deadline:
            outcome = await run_fault(run.dice.choice(DRAWN), run)
            draws += 1
            say(row(outcome))
            if not outcome.held:
                say(f"broken by SEED={seed}, draw {draws}; the journals are kept in {keep(run.rig.root)}")
                return 1
        assert run.evidence is not None
        say(f"SEED={seed}: {draws} draws held; {run.evidence.figures()}")
    return 0


def keep(root: Path) -> Path:
    """Copy journals and logs of a failed campaign to where they stay."""
    kept = Path(".local") / "faults" / time.strftime("%Y%m%d-%H%M%S")
    kept.mkdir(parents=True, exist_ok=True)
    for name in ("campaign.jsonl", "vnpay.jsonl"):
        shutil.copy(root / name, kept / name)
    shutil.copytree(root / "logs", kept / "logs")
    return kept.resolve()


async def run_matrix(root: Path, only: set[int], seed: int) -> int:
    """Run the faults once each and print the table. Return how many promises were broken."""
    broken = 0
    chosen = [fault for fault in (*MATRIX, *EXTRA) if fault.number in only] if only else MATRIX
    async with campaign(root, seed=seed, supply_points=SUPPLY_POINTS) as run:
        say("| # | fault | injected | verdict | took |\n|---|---|---|---|---|")
        for fault in chosen:
            outcome = await run_fault(fault, run)
            broken += not outcome.held
            say(row(outcome))
        say(f"{len(chosen) - broken} of {len(chosen)} held")
        if run.evidence is not None:
            say(run.evidence.figures())
    return broken


def main() -> int:
    """Run what the arguments ask for. Return 1 if a promise was broken or a bug was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help="numbers of faults, or names of seeded bugs, with commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0, help="draw faults at random for so long")
    parser.add_argument("--selftest", action="store_true", help="see seeded bugs be caught")
    given = parser.parse_args()
    only = {name.strip() for name in given.only.split(",") if name.strip()}
    if given.selftest:
        bugs = [bug for bug in BUGS if not only or bug.name in only]
        return int(asyncio.run(selftest(bugs, supply_points=SUPPLY_POINTS, seed=given.seed, say=say)) > 0)
    with tempfile.TemporaryDirectory(prefix="gridcare-faults-", ignore_cleanup_errors=True) as folder:
        if given.minutes:
            return asyncio.run(run_at_random(Path(folder), minutes=given.minutes, seed=given.seed))
        numbers = {int(number) for number in only}
        return int(asyncio.run(run_matrix(Path(folder), numbers, given.seed)) > 0)


if __name__ == "__main__":
    sys.exit(main())
