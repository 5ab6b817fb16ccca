"""What becomes of a member that waits for a stopped channel, or is parked: an SMS after its kind's patience, or its end."""

from datetime import datetime, timedelta
from typing import Final

from outage_notifier.ledger.core.decision import Decision, Situation, before_sms, decide_unsent
from outage_notifier.ledger.core.delivery import State
from outage_notifier.sending.core.batch_to_send import BatchToSend, Pending
from outage_notifier.texts.template import TEMPLATES

LOOK_MAX: Final = timedelta(minutes=5)
"""How long a waiting batch is left alone at most: a newer revision of its notice is noticed then."""


def decide_stopped(pending: Pending, batch: BatchToSend, *, since: datetime | None, now: datetime) -> Decision | None:
    """Say what becomes of a member that has waited since a time, or return None while it waits on.

    `since` is None in a parked batch whose channel goes on: there is no fallback then, until the batch is released. That batch
    may be parked for what its template is, so an end does not ask the template.

    One whose SMS is in doubt is handed over to be looked up, as its sender would: newer notices wait for its batch, and what
    became of the call is not known before it is asked for, stopped channel or not.
    """
    content = pending.content
    member = pending.member
    situation = Situation(now, content.useful_until, member.tries, member.fallback, told_before=member.told_before)
    ended = batch.doubt(pending, now) or decide_unsent(situation, superseded=content.superseded, held_until=None)
    if ended is not None or since is None:
        return ended
    if batch.claimed.channel != "push" or not member.fallback or now < falls_back_at(pending, since):
        return None
    return Decision(State.AWAITING if member.told_before else State.RETRYING, "channel-stopped", now, "sms")


def falls_back_at(pending: Pending, since: datetime) -> datetime:
    """Return when a member's SMS goes out: after its kind's patience, and no later than half of the time that is left."""
    content = pending.content
    return since + before_sms(TEMPLATES[content.template].stopped_patience, content.useful_until - since)


def look_at(waiting: list[Pending], *, since: datetime | None, now: datetime) -> datetime:
    """Return when those who wait on are to be looked at again."""
    times = [falls_back_at(each, since) for each in waiting if each.member.fallback and since is not None]
    times += [each.content.useful_until for each in waiting]
    return max(min([*times, now + LOOK_MAX]), now + timedelta(seconds=1))
