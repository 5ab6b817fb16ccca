"""What benchmarks measure, and the arithmetic that their reports share."""

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

MICROSECONDS = 1_000_000


class Run(msgspec.Struct, frozen=True):
    """One run of one contender: `units` messages in `seconds`.

    `cpu_s` and `memory_mb` (peak, resident) are by process. `clients` names the contender's own processes, whose sum is
    its cost; the others (the provider's emulator) are only reported. `strangers_share` is the share of all cores that
    other programs used.
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
        """Messages per second."""
        return self.units / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU µs per message of the contender's own processes."""
        return sum(self.cpu_us_of(name) for name in self.clients)

    def cpu_us_of(self, process: str) -> float:
        """Return the CPU µs per message of one process."""
        return self.cpu_s.get(process, 0.0) / self.units * MICROSECONDS


class Section(msgspec.Struct):
    """One benchmark's part of the report: Markdown and the runs it was made from."""

    name: str
    text: str
    runs: list[Run]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table whose first column is text and whose other columns are figures."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def grouped(runs: Iterable[Run]) -> dict[tuple[str, int], list[Run]]:
    """Group the rounds by contender and size, in order of first appearance."""
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.contender, run.units), []).append(run)
    return groups


def middle_rate(runs: Iterable[Run]) -> float:
    """Return the median of the rounds' rates."""
    return median(run.rate for run in runs)


def middle_cpu_us(runs: Iterable[Run]) -> float:
    """Return the median of the rounds' CPU µs per message."""
    return median(run.cpu_us for run in runs)


def ratios(runs: Sequence[Run], base: Sequence[Run]) -> float:
    """Return the median of the rates' ratios to `base` by round, since both runs of a round saw the same machine."""
    return median(run.rate / other.rate for run, other in zip(runs, base, strict=True))


def times(factor: float, *, digits: int = 1) -> str:
    """Format a ratio."""
    return f"{factor:.{digits}f}\N{MULTIPLICATION SIGN}"


def beside(runs: Sequence[Run]) -> str:
    """Return a line on how much of the machine other programs used. That lowers rates but hardly affects CPU µs."""
    shares = [run.strangers_share for run in runs]
    return (
        f"- other programs used {median(shares):.0%} of the cores meanwhile (median; at most {max(shares):.0%}): if that "
        "is much, trust the CPU µs, not the rates"
    )
