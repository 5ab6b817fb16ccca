"""What a benchmark measured, and the arithmetic that reports share."""

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

MICROSECONDS = 1_000_000


class Run(msgspec.Struct, frozen=True):
    """One run of one contender: `units` messages in `seconds`.

    `cpu_s` and `memory_mb` (peak, resident) are by process; `clients` names those that are the contender's own, whose sum is its
    cost: the rest (the provider's emulator) is noted beside it. `strangers_share` of all cores went to what is not measured.
    """

    contender: str
    units: int
    seconds: float
    cpu_s: dict[str, float]
    memory_mb: dict[str, float]
    clients: tuple[str, ...]
    strangers_share: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.units / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU µs a message, of the contender's own processes."""
        return sum(self.cpu_us_of(name) for name in self.clients)

    def cpu_us_of(self, process: str) -> float:
        """CPU µs a message of one process."""
        return self.cpu_s.get(process, 0.0) / self.units * MICROSECONDS


class Section(msgspec.Struct):
    """One benchmark of the report: Markdown, and the runs it was made of."""

    name: str
    text: str
    runs: list[Run]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a Markdown table; the first column is text, the others are figures."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def grouped(runs: Iterable[Run]) -> dict[tuple[str, int], list[Run]]:
    """Put the rounds of each contender and size together, in the order of their first."""
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.contender, run.units), []).append(run)
    return groups


def middle_rate(runs: Iterable[Run]) -> float:
    """Give the median of rounds' rates."""
    return median(run.rate for run in runs)


def middle_cpu_us(runs: Iterable[Run]) -> float:
    """Give the median of rounds' CPU µs a message."""
    return median(run.cpu_us for run in runs)


def ratios(runs: Sequence[Run], base: Sequence[Run]) -> float:
    """Give the median of the rates' ratios to `base`, round by round: both of a round saw the same machine."""
    return median(run.rate / other.rate for run, other in zip(runs, base, strict=True))


def times(factor: float, *, digits: int = 1) -> str:
    """Write a ratio."""
    return f"{factor:.{digits}f}\N{MULTIPLICATION SIGN}"


def beside(runs: Sequence[Run]) -> str:
    """Say how much of the machine others used meanwhile: rates suffer by it, CPU µs hardly."""
    shares = [run.strangers_share for run in runs]
    return (
        f"- meanwhile other programs used {median(shares):.0%} of the cores (median; at most {max(shares):.0%}): where that is "
        "much, trust the CPU µs, not the rates"
    )
