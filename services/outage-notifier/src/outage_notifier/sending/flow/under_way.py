"""What changes while a batch is sent."""

import asyncio
import time
from dataclasses import dataclass, field

from gridcare.errors import Retryable
from outage_notifier.sending.core.lease import Lease


@dataclass(slots=True)
class UnderWay:
    """A batch's lease, and what became of the batch so far.

    `stopping` is set when the process is told to stop. `left_unsent`: somebody was not called who should have been, so the
    batch must be claimed again. `settled`: the ledger says that it needs no sender any more. `errors` are those of single
    members: the others are sent all the same, and then one of the errors is raised.
    """

    lease: Lease
    stopping: asyncio.Event
    call_timeout_s: float
    left_unsent: bool = False
    settled: bool = False
    errors: list[Exception] = field(default_factory=list)

    def may_call(self) -> bool:
        """Say whether another call may start now; remember that something is left unsent when not."""
        allowed = not self.stopping.is_set() and self.lease.may_call(
            time.monotonic(), call_timeout_s=self.call_timeout_s
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
