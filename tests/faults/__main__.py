"""`make faults`: break Gridcare on purpose, and judge what is left."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.faults.campaign import campaign
from tests.faults.matrix.fault import Outcome, run_fault
from tests.faults.matrix.matrix import MATRIX

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


async def run_matrix(root: Path, only: set[int], seed: int) -> int:
    """Run the faults once each and print the table. Return how many promises were broken."""
    broken = 0
    chosen = [fault for fault in MATRIX if not only or fault.number in only]
    async with campaign(root, seed=seed, supply_points=SUPPLY_POINTS, report=say) as run:
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
    """Run what the arguments ask for. Return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help="numbers of faults, with commas")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    only = {int(number) for number in given.only.split(",") if number}
    with tempfile.TemporaryDirectory(prefix="gridcare-faults-", ignore_cleanup_errors=True) as folder:
        return int(asyncio.run(run_matrix(Path(folder), only, given.seed)) > 0)


if __name__ == "__main__":
    sys.exit(main())
