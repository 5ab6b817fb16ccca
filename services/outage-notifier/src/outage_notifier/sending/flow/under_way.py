"""What changes while a batch is sent."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from gridcare.errors import Retryable
from outage_notifier.sending.breaker import Breaker
from outage_notifier.sending.core.lease import Lease

PROBE_CALLS_MAX: Final = 20
"""Calls of a probe: enough that not all of them meet contacts that are lost for reasons of their own."""


@dataclass(slots=True)
class UnderWay:
    """A batch's lease, and what became of the batch so far.

    `stopping` is set when the process is told to stop. `left_unsent`: somebody was not called who should have been, so the
    batch must be claimed again. `settled`: the ledger says that it needs no sender any more. `errors` are those of single
    members: the others are sent all the same, and then one of the errors is raised.

    An open `breaker` allows no call but those of a batch that `probes`: at most `probe_calls_left`, until `probe_taken`.
    """

    lease: Lease
    stopping: asyncio.Event
    call_timeout_s: float
    breaker: Breaker
    probes: bool = False
    probe_calls_left: int = PROBE_CALLS_MAX
    probe_taken: bool = False
    left_unsent: bool = False
    settled: bool = False
    errors: list[Exception] = field(default_factory=list)

    def may_call(self) -> bool:
        """Say whether another call may start now; remember that something is left unsent when not."""
        go_on = self.probe_calls_left > 0 if self.probes else not self.breaker.is_open
        allowed = (
            go_on
            and not self.stopping.is_set()
            and self.lease.may_call(time.monotonic(), call_timeout_s=self.call_timeout_s)
        )
        self.left_unsent |= not allowed
        return allowed

    def failed(self, error: Exception) -> None:
        """Note that a member could not be sent."""
        self.errors.append(error)
        self.left_unsent = True

    def raise_error(self) -> None:
        """Raise one of the members' errors, if there are any: rather a bug than a fault that passes."""
        for error in sorted(self.errors, key=lambda each: isinstance(each, Retryable)):
            raise error
