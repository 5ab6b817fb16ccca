"""Do the same to several parts at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

PARALLEL_MAX = 16


def together(act: Callable[[T], None], items: Sequence[T]) -> None:
    """Call `act` for each item, all at once, and wait for all; then raise the first error there was."""
    if not items:
        return
    with ThreadPoolExecutor(min(PARALLEL_MAX, len(items))) as threads:
        running = [threads.submit(act, item) for item in items]
    for one in running:
        one.result()
