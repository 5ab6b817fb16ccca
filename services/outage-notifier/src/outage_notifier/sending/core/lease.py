"""A sender's lease of a batch, as the sender sees it: always shorter than the database does."""

from dataclasses import dataclass


@dataclass(slots=True)
class Lease:
    """Until when calls may be started, on the monotonic clock of this process, and what its renewals told.

    `ends_s` is reckoned from before the claim was sent, so it lies before the end that the database wrote. A process that
    was stopped and goes on finds its lease over, since the monotonic clock went on. `lost`: another attempt took the batch.
    `superseded`: a newer revision of its notice was published.
    """

    duration_s: float
    ends_s: float
    lost: bool = False
    superseded: bool = False

    def may_call(self, now_s: float, *, call_timeout_s: float) -> bool:
        """Say whether a call that starts now ends, at the latest, before the lease does."""
        return not self.lost and now_s + call_timeout_s < self.ends_s

    def renewed(self, requested_at_s: float) -> None:
        """Note a renewal that was requested at `requested_at_s`."""
        self.ends_s = requested_at_s + self.duration_s
