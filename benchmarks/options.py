"""The options of a run of the suite."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The options of a run.

    `tiny` runs each benchmark at a size that only shows that it works. `recipients` are the sizes of `fanout`.
    """

    rounds: int
    tiny: bool
    recipients: tuple[int, ...]
    output: Path

    def say(self, what: str) -> None:
        """Print progress to stderr."""
        print(what, file=sys.stderr, flush=True)
