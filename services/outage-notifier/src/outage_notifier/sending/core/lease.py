"""A sender's lease of a batch, as the sender sees it: it always ends earlier than in the database."""

from dataclasses import dataclass


@dataclass(slots=True)
class Lease:
    """Until when calls may be started, on the monotonic clock of this process, and what its renewals found out.

    `ends_s` is counted from before the claim was sent, so it is earlier than the end that the database wrote. A process that
    was stopped and continued finds its lease over, since the monotonic clock ran on. `lost`: the batch was claimed again, by
    another sender. `superseded`: a newer revision of its notice was published.
    """

    duration_s: float
    ends_s: float
    lost: bool = False
    superseded: bool = False

    def may_call(self, now_s: float, *, call_timeout_s: float) -> bool:
        """Say whether a call that starts now is certain to end before the lease does."""
        return not self.lost and now_s + call_timeout_s < self.ends_s

    def renewed(self, requested_at_s: float) -> None:
        """Note a renewal that was requested at `requested_at_s`."""
        self.ends_s = requested_at_s + self.duration_s
