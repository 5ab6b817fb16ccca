"""What one process knows of a channel's breaker. The truth is a row that all senders share (ledger/store/breaker.py)."""

from dataclasses import dataclass

from gridcare.events.notices import Channel


@dataclass(slots=True)
class Breaker:
    """A channel's breaker as this process saw it last: at a refusal, at a renewal of a lease, or at a claim.

    Between two looks of a probe there are `pause_s`. `taken` counts accepted calls that the judge has not heard of yet.
    """

    channel: Channel
    pause_s: float = 60.0
    is_open: bool = False
    taken: int = 0
