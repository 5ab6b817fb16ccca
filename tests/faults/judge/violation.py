"""What is wrong: an invariant that does not hold, and the row that shows it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.faults.judge.evidence import Evidence


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One thing that must not be. `invariant` is I1 to I17."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


Check = Callable[[Evidence], Iterable[str]]
"""Yields a sentence for each thing that is wrong."""


def shown(found: Iterable[Violation]) -> str:
    """Return violations in a line or a few: the first of each invariant, and how many there are."""
    by_invariant: dict[str, list[str]] = {}
    for each in sorted(found):
        by_invariant.setdefault(each.invariant, []).append(each.what)
    return "; ".join(
        f"{name}: {whats[0]}" + (f" (and {len(whats) - 1} more)" if len(whats) > 1 else "")
        for name, whats in by_invariant.items()
    )
