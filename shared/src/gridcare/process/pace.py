"""How often a process looks for work: promptly for a while after there was some, and seldom while there is none."""

import time
from typing import Final

PROMPT_S: Final = 0.2
IDLE_S: Final = 1.25
"""With what else a process asks now and then, this keeps one that has nothing to do below one statement a second."""

IDLE_AFTER_S: Final = 10.0
"""How long after the last work a process goes on to look promptly: work rarely comes alone."""


class Pace:
    """The pauses between two looks for work, in seconds: `prompt_s` until there was none for IDLE_AFTER_S, then `idle_s`."""

    def __init__(
        self, *, prompt_s: float = PROMPT_S, idle_s: float = IDLE_S, idle_after_s: float = IDLE_AFTER_S
    ) -> None:
        self._prompt_s = prompt_s
        self._idle_s = idle_s
        self._idle_after_s = idle_after_s
        self._worked_at_s = time.monotonic()

    def worked(self) -> None:
        """Note that there was work, or that some may come at any moment."""
        self._worked_at_s = time.monotonic()

    def pause_s(self) -> float:
        """Return how long to wait before the next look."""
        return self._idle_s if time.monotonic() - self._worked_at_s > self._idle_after_s else self._prompt_s
