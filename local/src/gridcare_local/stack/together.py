"""Does the same to several parts at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

PARALLEL_MAX = 16


def together(act: Callable[[T], None], items: Sequence[T]) -> None:
    """Call `act` for all items at the same time and wait for all. Then raise the first error, if there was one."""
    if not items:
        return
    with ThreadPoolExecutor(min(PARALLEL_MAX, len(items))) as threads:
        running = [threads.submit(act, item) for item in items]
    for one in running:
        one.result()
