"""Run the benchmarks and write docs/benchmarks.md: `python -m benchmarks [--only fanout] [--recipients 1000000]`."""

import argparse
import sys
from pathlib import Path

from benchmarks import fanout, push_send
from benchmarks.machine import ROOT, facts
from benchmarks.options import Options
from benchmarks.report import write_report

SUITE = {"push_send": push_send.run, "fanout": fanout.run}
ROUNDS = 3
RECIPIENTS = (10_000, 100_000)
TINY_RECIPIENTS = (200, 400)


def main(arguments: list[str]) -> int:
    """Run the chosen benchmarks. The report keeps its other sections as they are."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=SUITE, action="append", help="run this benchmark alone (may be repeated)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds, which alternate between the contenders (3)")
    parser.add_argument("--recipients", type=int, action="append", help="sizes of fanout instead of 10,000 and 100,000")
    parser.add_argument(
        "--tiny", action="store_true", help="one round at a tiny size: shows that it runs, measures nothing"
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs", help="folder of benchmarks.md and benchmarks.json"
    )
    given = parser.parse_args(arguments)
    if given.rounds < 1 or min(given.recipients or [1]) < 1:
        parser.error("rounds and recipients are at least 1")
    sizes = tuple(sorted(given.recipients or (TINY_RECIPIENTS if given.tiny else RECIPIENTS)))
    options = Options(1 if given.tiny else given.rounds, given.tiny, sizes, given.output)
    described = facts(arguments)
    for name in given.only or SUITE:
        section = SUITE[name](options)
        print(f"\n## {section.name}\n\n{section.text}\n", flush=True)
        write_report(options.output, section, described)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
