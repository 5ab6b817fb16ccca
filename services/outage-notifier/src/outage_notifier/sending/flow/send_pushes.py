"""The push side of sending a batch: every live device of a recipient gets one, many at a time, one call each."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from outage_notifier.contacts import vault
from outage_notifier.contacts.store import contact
from outage_notifier.contacts.store.contact import SendingDevice
from outage_notifier.ledger.core.attempt import Attempt
from outage_notifier.ledger.core.delivery import Delivery, decide_push
from outage_notifier.ledger.core.member import Member
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.sending.flow.batch_work import BatchWork
from outage_notifier.sending.room import NOT_STARTED, PushBody

PRUNED_SHARE_MAX = 0.05
"""More devices than this share gone in one batch: the credential is wrong, not the devices."""

PRUNED_MIN = 10
"""The share means nothing in a small batch."""


@dataclass(slots=True)
class PushedMember:
    """A member whose devices were called: all of them, or `cut_short`: then the others are called later, these not again."""

    member: Member
    place: int
    calls: list[tuple[str, datetime, datetime, Outcome]] = field(default_factory=list)
    cut_short: bool = False

    @property
    def outcomes(self) -> list[Outcome]:
        """What became of its devices."""
        ended = [outcome for _, _, _, outcome in self.calls]
        return [*ended, NOT_STARTED] if self.cut_short else ended

    @property
    def taken(self) -> list[str]:
        """The devices that were reached."""
        return [device_id for device_id, _, _, outcome in self.calls if outcome.kind is OutcomeKind.ACCEPTED]

    @property
    def gone(self) -> list[str]:
        """The devices that the provider says are gone."""
        return [device_id for device_id, _, _, outcome in self.calls if outcome.contact_dead]


@dataclass(slots=True)
class Pushing:
    """A batch of pushes under way: its devices, the messages that were rendered, and what waits to be recorded."""

    work: BatchWork
    devices: dict[tuple[str, str], SendingDevice]
    bodies: dict[tuple[object, str], PushBody] = field(default_factory=dict)
    pushed: list[PushedMember] = field(default_factory=list)
    unsent: list[Delivery] = field(default_factory=list)
    doubtful: list[PushedMember] = field(default_factory=list)


async def send_pushes(work: BatchWork) -> None:
    """Call every device of the pending members; record at least every `record_interval_s`.

    A few callers share the members: a task a member would cost more than what it does around its call.
    """
    limits = work.sending.limits
    wanted = [device_id for _, member in work.pending for device_id in member.contacts]
    async with work.sending.db.read() as connection:
        devices = await contact.devices(connection, wanted)
    pushing = Pushing(work, devices)
    waiting = iter(work.pending)
    callers = [
        asyncio.create_task(_push_members(pushing, waiting))
        for _ in range(min(limits.push_concurrency, len(work.pending)))
    ]
    calling = asyncio.gather(*callers)
    try:
        ended = False
        while not ended:
            await asyncio.wait({calling}, timeout=limits.record_interval_s)
            ended = calling.done()  # looked at before recording: what ends meanwhile is to be recorded too
            if not await _record_ended(pushing, last=ended):
                return
        calling.result()
        await _record_gone(work, pushing.doubtful, calls=len(wanted))
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(calling, *callers, return_exceptions=True)


async def _push_members(pushing: Pushing, waiting: Iterator[tuple[int, Member]]) -> None:
    """Push to one member after another; what came of it waits in `pushing` to be recorded."""
    for place, member in waiting:
        result = await _push_member(pushing, place, member)
        if isinstance(result, Delivery):
            pushing.unsent.append(result)
        elif result is not None:
            (pushing.doubtful if result.gone else pushing.pushed).append(result)


async def _record_ended(pushing: Pushing, *, last: bool) -> bool:
    """Record what ended since the last time, `last` when all calls have; false when the lease is gone."""
    pushed, pushing.pushed = pushing.pushed, []
    unsent, pushing.unsent = pushing.unsent, []
    last = last and not pushing.doubtful
    return not (pushed or unsent) or await _record(pushing.work, pushed, unsent, last=last)


async def _push_member(pushing: Pushing, place: int, member: Member) -> PushedMember | Delivery | None:
    """Call a member's devices one after another; a row at once when it is not to be sent, None when it may not be now."""
    work = pushing.work
    clock, rates = work.sending.clock, work.sending.rates["push"]
    pushed = PushedMember(member, place)
    for device_id in member.contacts:
        device = pushing.devices.get((member.recipient_id, device_id))
        if device is None:  # logged out, moved to another account, or pruned
            continue
        if not rates.take_now(work.claimed.lane):
            await rates.take(work.claimed.lane)
        decision = work.unsent(member)
        if decision is not None:
            if not pushed.calls:
                return work.delivery(member, decision, contact="", called=False, now=clock.now())
            pushed.cut_short = decision.next_attempt_at is not None  # held; else there is no use in going on
            break
        if not work.may_call():
            if not pushed.calls:
                return None
            pushed.cut_short = True
            break
        body = _body(pushing, member, device)
        started = clock.now()
        outcome = await work.breaker.guard(partial(work.sending.push.send, body))
        pushed.calls.append((device_id, started, clock.now(), outcome))
    return pushed


def _body(pushing: Pushing, member: Member, device: SendingDevice) -> bytes:
    work = pushing.work
    notice_id = work.notice_id(member)
    cached = pushing.bodies.get((notice_id, member.language))
    if cached is None:
        content = work.contents[notice_id]
        left_s = int((content.useful_until - work.sending.clock.now()).total_seconds())
        cached = pushing.bodies[notice_id, member.language] = work.sending.renderer.push(
            content, member.language, ttl_s=left_s
        )
    registration = work.sending.vault.open(device.registration_sealed, vault.DEVICE)
    return cached.render(
        kind=device.kind, registration=registration.decode(), delivery_id=f"{notice_id}-{member.number}"
    )


def _rows(work: BatchWork, pushed: PushedMember, now: datetime) -> tuple[Delivery, list[Attempt]]:
    decision = decide_push(pushed.outcomes, work.situation(pushed.member, now))
    contact_masked = f"{len(pushed.calls)} device(s)"
    called = bool(pushed.calls)
    row = work.delivery(
        pushed.member, decision, contact=contact_masked, called=called, now=now, told_devices=pushed.taken
    )
    attempts = [
        Attempt(
            batch_id=work.claimed.batch_id,
            place=pushed.place + pushed.member.contacts.index(device_id),
            try_=work.claimed.attempt,
            notice_id=row.notice_id,
            recipient_id=row.recipient_id,
            channel="push",
            contact_id=device_id,
            started_at=started,
            ended_at=ended,
            outcome=outcome.kind,
            error_code=outcome.code or None,
            provider_message_id=outcome.message_id,
        )
        for device_id, started, ended, outcome in pushed.calls
    ]
    return row, attempts


async def _record(work: BatchWork, pushed: list[PushedMember], unsent: list[Delivery], *, last: bool = False) -> bool:
    now = work.sending.clock.now()
    rows = [_rows(work, each, now) for each in pushed]
    attempts = [each for _, made in rows for each in made]
    return await work.record([*unsent, *(row for row, _ in rows)], attempts, last=last)


async def _record_gone(work: BatchWork, doubtful: list[PushedMember], *, calls: int) -> None:
    """Record who has devices that are gone, and prune them, unless there are so many that the fault must be ours."""
    if not doubtful:
        return
    gone = [device_id for pushed in doubtful for device_id in pushed.gone]
    if len(gone) > max(PRUNED_MIN, calls * PRUNED_SHARE_MAX):
        work.breaker.trip("too-many-unregistered")
        for pushed in doubtful:
            pushed.calls = [
                (device_id, started, ended, _ours(outcome) if outcome.contact_dead else outcome)
                for device_id, started, ended, outcome in pushed.calls
            ]
        gone = []
    if await _record(work, doubtful, []) and gone:
        async with work.sending.db.transaction() as tx:
            await contact.prune_devices(tx, gone)


def _ours(outcome: Outcome) -> Outcome:
    return Outcome(OutcomeKind.MISCONFIGURED, outcome.code, outcome.message_id)
