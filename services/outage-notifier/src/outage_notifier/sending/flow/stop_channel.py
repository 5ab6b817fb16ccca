"""Stop a channel that our own fault broke, for all senders, and let it go on when a probe was taken."""

from collections.abc import Mapping, Sequence
from typing import Final

from gridcare.events.notices import Channel
from gridcare.observability import metrics
from gridcare.observability.logging import get_logger
from outage_notifier.ledger.core.breaker import judge
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.store import batch, breaker
from outage_notifier.sending.flow.under_way import UnderWay
from outage_notifier.sending.room import Sending

UNJUDGED_MAX: Final = 2_000
"""Accepted calls that a process may keep to itself: batches that lost nobody cost the judge no transaction of their own."""

TOO_MANY_LOST: Final[Mapping[Channel, str]] = {"push": "too-many-devices-lost", "sms": "too-many-phones-lost"}

logger = get_logger()


async def heed(outcome: Outcome, channel: Channel, under_way: UnderWay, *, room: Sending) -> None:
    """Stop the channel if an outcome says that the fault is ours; let it go on if a probe was taken. Raises Retryable."""
    if outcome.kind is OutcomeKind.MISCONFIGURED:
        under_way.left_unsent = True
        under_way.probe_calls_left = 0
        if not room.breakers[channel].is_open:
            await stop_channel(channel, outcome.code, room=room)
    elif under_way.probes:
        under_way.probe_calls_left -= 1
        if outcome.kind is OutcomeKind.ACCEPTED and not under_way.probe_taken:
            under_way.probe_taken, under_way.probe_calls_left = True, 0
            await resume_channel(channel, room=room)


async def stop_channel(channel: Channel, why: str, *, room: Sending) -> None:
    """Open a channel's breaker: no sender claims its batches until a probe is taken. Raises Retryable."""
    known = room.breakers[channel]
    known.is_open = True  # first: this process's other calls end here, not a round trip later
    async with room.db.transaction() as tx:
        opened = await breaker.open_breaker(tx, channel, why, now=room.clock.now(), pause_s=known.pause_s)
    if opened:
        logger.error("breaker_opened", channel=channel, reason=why)
        metrics.BREAKERS_OPENED.inc(channel=channel)


async def resume_channel(channel: Channel, *, room: Sending) -> None:
    """Close a channel's breaker, and have hints at its waiting batches renewed at once. Raises Retryable."""
    async with room.db.transaction() as tx:
        closed = await breaker.close_breaker(tx, channel)
        if closed:
            await batch.wake(tx, channel)
    room.breakers[channel].is_open = False
    if closed:
        logger.warning("breaker_closed", channel=channel)


async def judge_calls(channel: Channel, *, taken: int, lost: int, losers: Sequence[str], room: Sending) -> bool:
    """Tell the judge of a batch's first calls: how many were taken, and how many were refused (`lost`), of which recipients.

    Stop the channel if many batches speak against us. Return whether this batch's refusals are to be doubted.
    Raises Retryable.
    """
    known = room.breakers[channel]
    if not lost and known.taken + taken < UNJUDGED_MAX:
        known.taken += taken
        return False
    async with room.db.transaction() as tx:
        history = await breaker.lock_history(tx, channel)
        if known.taken:
            history = judge(history, calls=known.taken, lost=0, losers=()).history
        judgement = judge(history, calls=taken + lost, lost=lost, losers=losers)
        await breaker.save_history(tx, channel, judgement.history)
    known.taken = 0
    if judgement.opens:
        await stop_channel(channel, TOO_MANY_LOST[channel], room=room)
    return judgement.doubts
