"""What a run of the suite was asked for."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """`tiny`: each benchmark once, at a size that only shows that it works; `recipients`: sizes of `fanout`."""

    rounds: int
    tiny: bool
    recipients: tuple[int, ...]
    output: Path

    def say(self, what: str) -> None:
        """Tell whoever waits what is going on."""
        print(what, file=sys.stderr, flush=True)
