"""The breakers: our own fault stops a channel for all senders, counts no try and deletes nothing; a probe lets it go on."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.store import batch, breaker
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.sending.breaker import Breaker
from outage_notifier.sending.core.lease import Lease
from outage_notifier.sending.flow.probe_channels import probe_channels
from outage_notifier.sending.flow.renew_lease import renew_lease
from outage_notifier.sending.flow.stop_channel import TOO_MANY_LOST, stop_channel

GONE = Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True)
OURS = {"push": Outcome(OutcomeKind.MISCONFIGURED, "token-refused"), "sms": Outcome(OutcomeKind.MISCONFIGURED, "20003")}


def a_phone(n):
    return {"phones": [f"+8490100{n:04}"]}


def a_device(n):
    return {"devices": [f"d{n}"]}


EACH = {"push": a_device, "sms": a_phone}


@pytest.fixture
def another(sending):
    """Return what a second sender process works in: breakers of its own, that know nothing yet."""
    return replace(sending, breakers={channel: Breaker(channel, pause_s=0) for channel in ("push", "sms")})


@pytest.fixture
def ledger_of(world):
    """Return a function that counts the attempts, and reads which channels are stopped."""

    async def read():
        async with world.db.read() as c:
            states = await breaker.read(c)
            attempts = await c.fetchval("SELECT count(*) FROM attempt")
        return attempts, {channel: state.reason for channel, state in states.items() if state.opened_at}

    return read


def break_all(sending, channel, count):
    fake = sending.push if channel == "push" else sending.sms
    fake.outcomes = {(f"d{n}" if channel == "push" else f"+8490100{n:04}"): OURS[channel] for n in range(count)}


@pytest.mark.parametrize("channel", ["push", "sms"])
async def test_first_refusal_stops_all(world, planned, send, sending, *, ledger_of, channel):
    """The call that met the fault is kept; nobody is recorded, and no more than a handful were called."""
    break_all(sending, channel, 10)
    notice_id = await planned(10, each=EACH[channel])
    await send(limits=replace(sending.limits, push_concurrency=1, sms_chunk_size=1))
    assert await world.books(notice_id) == {"planned": 10}
    assert await ledger_of() == (1, {channel: OURS[channel].code})


@pytest.mark.parametrize("channel", ["push", "sms"])
async def test_stopped_channel_is_unclaimed(world, planned, send, another, *, ledger_of, channel):
    """Another sender, which never met the fault, claims nothing: no attempt, no try, no lease."""
    await stop_channel(channel, "a test", room=another)
    notice_id = await planned(3, each=EACH[channel])
    await send(breakers={each: Breaker(each) for each in ("push", "sms")})
    assert await world.books(notice_id) == {"planned": 3}
    assert (await ledger_of())[0] == 0
    async with world.db.read() as c:
        assert await c.fetchval("SELECT max(attempt) FROM batch") == 0


async def test_other_channel_goes_on(world, planned, send, sending):
    """A wrong Twilio account leaves pushes alone."""
    break_all(sending, "sms", 10)
    notice_id = await planned(12, each=lambda n: a_phone(n) if n < 10 else a_device(n))
    await send()
    assert await world.books(notice_id) == {"planned": 10, "accepted": 2}


async def test_renewal_learns_of_a_stop(world, planned, sending, another):
    """A sender in the midst of a batch learns within a second that another one met the fault."""
    await planned(1, each=a_device)
    [batch_id] = await world.batches()
    async with world.db.transaction() as tx:
        claimed = await batch.claim(tx, batch_id, lease_s=5)
    await stop_channel("push", "a test", room=another)
    await renew_lease(claimed, Lease(5, 1e9), room=sending)
    assert sending.breakers["push"].is_open


@pytest.mark.parametrize("channel", ["push", "sms"])
async def test_taken_probe_resumes(world, planned, send, another, *, ledger_of, channel):
    """One call is made; taken, it lets the channel go on, and everybody is told once."""
    await stop_channel(channel, "a test", room=another)
    notice_id = await planned(5, each=EACH[channel])
    assert await probe_channels(asyncio.Event(), room=another) == 1
    assert await ledger_of() == (1, {})
    await send()
    assert await world.books(notice_id) == {"accepted": 5}
    assert await probe_channels(asyncio.Event(), room=another) == 0


@pytest.mark.parametrize("channel", ["push", "sms"])
async def test_refused_probe_waits(world, planned, another, *, ledger_of, channel):
    """One call, no more; nobody's tries are counted, and the next probe comes after the pause."""
    break_all(another, channel, 5)
    await stop_channel(channel, "a test", room=another)
    another.breakers[channel].pause_s = 60
    notice_id = await planned(5, each=EACH[channel])
    assert await probe_channels(asyncio.Event(), room=another) == 1
    assert await probe_channels(asyncio.Event(), room=another) == 0
    assert (await ledger_of())[0] == 1
    assert await world.books(notice_id) == {"planned": 5}


async def test_urgent_probe_goes_first(world, plan, another, fake_push):
    """An emergency that came last is what the probe sends."""
    for n in range(2):
        await world.customer(f"PB1101000{n:04}", feeder=f"FD{n}", **a_device(n))
    await stop_channel("push", "a test", room=another)
    for n, kind in enumerate(("announcement", "emergency")):
        await world.notice(await world.outage(feeders=(f"FD{n}",)), kind=kind)
        await plan()
    await probe_channels(asyncio.Event(), room=another)
    assert fake_push.registrations == ["d1"]


@pytest.mark.parametrize("channel", ["push", "sms"])
async def test_parked_batch_is_not_probed(world, plan, another, *, ledger_of, channel):
    """A parked batch that is first in the order does not keep the channel stopped: the probe takes the next one."""
    for n in range(2):
        await world.customer(f"PB1101000{n:04}", feeder=f"FD{n}", **EACH[channel](n))
        await world.notice(await world.outage(feeders=(f"FD{n}",)))
        await plan()
        world.clock.move(seconds=1)
    [parked, _] = await world.batches()
    async with world.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO poison (kind, item_id, tries, error_class, parked_at) VALUES ('batch', $1, 5, 'KeyError', now())",
            str(parked),
        )
    await stop_channel(channel, "a test", room=another)
    assert await probe_channels(asyncio.Event(), room=another) == 1
    assert await ledger_of() == (1, {})


@pytest.mark.parametrize("channel", ["push", "sms"])
async def test_lost_contact_blocks_no_probe(world, plan, another, *, ledger_of, channel):
    """A batch whose only contact is lost is first in the order: the next probe takes another one."""
    refuse(another, channel, Outcome(OutcomeKind.REFUSED, "21211", contact_dead=True), count=1)
    for n in range(3):
        await world.customer(f"PB1101000{n:04}", feeder=f"FD{n}", **EACH[channel](n))
        await world.notice(await world.outage(feeders=(f"FD{n}",)))
        await plan()
        world.clock.move(seconds=1)
    await stop_channel(channel, "a test", room=another)
    for _ in range(2):
        assert await probe_channels(asyncio.Event(), room=another) == 1
    assert await ledger_of() == (2, {})


LOST = [
    ("push", GONE),
    ("push", Outcome(OutcomeKind.REFUSED, "THIRD_PARTY_AUTH_ERROR")),
    ("sms", Outcome(OutcomeKind.REFUSED, "21211", contact_dead=True)),
    ("sms", Outcome(OutcomeKind.REFUSED, "21612")),
]
"""What one contact's trouble and ours have in common: the same answer comes to one, or to all."""


def refuse(sending, channel, outcome, *, count):
    fake = sending.push if channel == "push" else sending.sms
    fake.outcomes = {(f"d{n}" if channel == "push" else f"+8490100{n:04}"): outcome for n in range(count)}


async def kept(world):
    """Return how many devices and good phones there are: a doubted answer costs nobody a contact."""
    async with world.db.read() as c:
        query = "SELECT (SELECT count(*) FROM device) + (SELECT count(*) FROM phone WHERE bad_reason IS NULL)"
        return await c.fetchval(query)


@pytest.mark.parametrize(("channel", "outcome"), LOST)
async def test_odd_batch_is_doubted(world, planned, send, sending, *, ledger_of, channel, outcome):
    """Half of one batch is refused: no contact is given up yet, the channel goes on, and those are asked again."""
    refuse(sending, channel, outcome, count=20)
    notice_id = await planned(40, each=EACH[channel])
    await send()
    assert await world.books(notice_id) == {"accepted": 20, "retrying": 20}
    assert (await ledger_of())[1] == {}
    assert await kept(world) == 40
    async with world.db.read() as c:
        assert await c.fetchval("SELECT min(next_attempt_at) FROM delivery") == world.clock.now() + timedelta(minutes=1)


@pytest.mark.parametrize(("channel", "outcome"), LOST)
async def test_many_odd_batches_stop(world, planned, send, sending, *, ledger_of, channel, outcome):
    """Batch after batch of which nobody is reached: the fault is ours, no contact is given up, the rest waits."""
    refuse(sending, channel, outcome, count=40)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE breaker SET suspicion = 20 WHERE channel = $1", channel)
    notice_id = await planned(40, each=EACH[channel])
    await send()
    assert await world.books(notice_id) == {"planned": 40}
    assert (await ledger_of())[1] == {channel: TOO_MANY_LOST[channel]}
    assert await kept(world) == 40


async def test_second_refusal_is_believed(world, planned, send, sending, planning):
    """The doubted ones are asked again a minute later, and what is said twice ends them."""
    refuse(sending, "sms", Outcome(OutcomeKind.REFUSED, "21612"), count=20)
    notice_id = await planned(40, each=a_phone)
    await send()
    world.clock.move(seconds=61)
    await cut_follow_ups(room=planning)
    await send()
    assert await world.books(notice_id) == {"accepted": 20, "failed": 20}
    assert await kept(world) == 40


async def test_fallback_is_judged_too(world, planned, send, sending, *, planning, ledger_of):
    """Texts that follow a push without a device are first texts: refused one and all, they wait."""
    refuse(sending, "sms", Outcome(OutcomeKind.REFUSED, "21612"), count=40)
    notice_id = await planned(40, each=lambda n: a_phone(n) | a_device(n))
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE breaker SET suspicion = 20 WHERE channel = 'sms'")
        await tx.execute("DELETE FROM device")
    await send()
    await cut_follow_ups(room=planning)
    await send()
    assert await world.books(notice_id) == {"retrying": 40}
    assert (await ledger_of())[1] == {"sms": "too-many-phones-lost"}


async def test_own_reasons_are_described(world):
    """The table says which reasons are ours and no provider's."""
    async with world.db.read() as c:
        described = await c.fetchval(
            "SELECT col_description('breaker'::regclass, attnum) FROM pg_attribute"
            " WHERE attrelid = 'breaker'::regclass AND attname = 'reason'"
        )
    assert [reason for reason in TOO_MANY_LOST.values() if reason not in described] == []
