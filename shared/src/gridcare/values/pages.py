"""The page of a list: a use case reads one row more than a page holds, which shows whether another page follows."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
K = TypeVar("K")


def cut_page(rows: Sequence[T], limit: int, key: Callable[[T], K]) -> tuple[Sequence[T], K | None]:
    """Return the first `limit` rows, and the key after which the next page begins, or None on the last page.

    Up to `limit + 1` rows must have been read.
    """
    shown = rows[:limit]
    return shown, key(shown[-1]) if len(rows) > limit else None
