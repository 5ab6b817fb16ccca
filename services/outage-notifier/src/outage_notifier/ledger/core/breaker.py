"""The rule of a channel's breaker: when so many contacts are lost (the call was refused) that the fault must be ours.

A few devices go each day, so a share of lost ones is ordinary. Batch after batch, the rule adds up how much better
"far more are lost than usual" explains the calls than "as many as usual" does (a CUSUM: E. S. Page, Continuous inspection
schemes, Biometrika 41, 1954). Calls of an ordinary share drive the sum back to zero, however many there are. Customers of one
batch are neighbours in the books and may share a reason for being gone, so one batch alone never opens the breaker; nor does
one customer, whose broken devices are refused as often as that customer is told something.
"""

from collections.abc import Sequence
from math import log
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

BATCHES_MIN: Final = 5
"""How many batches must speak against us before the breaker opens."""

WITNESSES_MIN: Final = 5
"""How many customers must have had contacts refused before the breaker opens."""

BATCH_MAX: Final = 5.0
"""The most that one batch adds to the suspicion: a likelihood ratio of 150."""

OPENS_AT: Final = BATCHES_MIN * BATCH_MAX
"""At the usual share this is reached once in some exp(25), about 70 billion, calls."""

FAR_SHARE_MIN: Final = 0.5
FAR_SHARE_MAX: Final = 0.95
FAR_FACTOR: Final = 3
"""Far more than usual: three times the usual share, and at least half of all: a wrong project or credential loses nearly all."""

USUAL_SHARE_MIN: Final = 0.01
USUAL_SHARE_MAX: Final = 0.7
TAUGHT_CALLS_MAX: Final = 100_000
"""What is usual is remembered over so many calls."""


class ChannelHistory(Struct, frozen=True):
    """What a channel's calls said of its contacts so far: the calls that taught what is usual, and the suspicion against us.

    `witnesses`: customers whose contacts were refused since there was no suspicion, WITNESSES_MIN of them at most.
    """

    usual_calls: float
    usual_lost: float
    suspicion: float = 0.0
    witnesses: Sequence[str] = ()

    @property
    def usual_share(self) -> float:
        """The usual share of lost contacts."""
        return min(max(self.usual_lost / self.usual_calls, USUAL_SHARE_MIN), USUAL_SHARE_MAX)


class Judgement(Struct, frozen=True):
    """What a batch's calls come to.

    `opens`: many batches, and customers, speak against us. `doubts`: this one is so odd that a lost contact is believed only
    when the provider says it twice.
    """

    history: ChannelHistory
    opens: bool
    doubts: bool


def judge(history: ChannelHistory, *, calls: int, lost: int, losers: Sequence[str]) -> Judgement:
    """Judge a batch in which `calls` were answered with "taken" or "lost", `lost` of them with "lost", of these `losers`."""
    said = evidence(history.usual_share, calls=calls, lost=lost)
    suspicion = min(max(0.0, history.suspicion + min(said, BATCH_MAX)), OPENS_AT)
    witnesses = list(dict.fromkeys([*history.witnesses, *losers]))[:WITNESSES_MIN] if suspicion else []
    return Judgement(
        _taught(replace(history, suspicion=suspicion, witnesses=witnesses), calls=calls, lost=lost),
        opens=suspicion >= OPENS_AT and len(witnesses) >= WITNESSES_MIN,
        doubts=said >= OPENS_AT or (said > 0 and suspicion >= 2 * BATCH_MAX),
    )


def evidence(usual: float, *, calls: int, lost: int) -> float:
    """Return the logarithm of how much better "far more than usual" explains the calls than `usual` does."""
    far = min(max(FAR_SHARE_MIN, FAR_FACTOR * usual), FAR_SHARE_MAX)
    return lost * log(far / usual) + (calls - lost) * log((1 - far) / (1 - usual))


def _taught(history: ChannelHistory, *, calls: int, lost: int) -> ChannelHistory:
    """Learn what is usual. A batch that lost most of its contacts teaches nothing."""
    if lost * 2 > calls:
        return history
    kept = min(1.0, max(0.0, 1 - calls / TAUGHT_CALLS_MAX)) if history.usual_calls + calls > TAUGHT_CALLS_MAX else 1.0
    return replace(history, usual_calls=history.usual_calls * kept + calls, usual_lost=history.usual_lost * kept + lost)
