"""The page of a list: a use case reads one row more than a page holds, which tells whether another page follows."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
K = TypeVar("K")


def cut_page(rows: Sequence[T], limit: int, key: Callable[[T], K]) -> tuple[Sequence[T], K | None]:
    """Return the first `limit` of the rows, of which up to `limit + 1` were read, and the key behind which the next page begins.

    The key is None on the last page.
    """
    shown = rows[:limit]
    return shown, key(shown[-1]) if len(rows) > limit else None
