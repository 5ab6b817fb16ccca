"""Resolving an SMS whose call has an unknown end, with a provider in memory: other attempts, receipts, other workers."""

import asyncio
from datetime import timedelta

import pytest
from outage_notifier_testing.fake_sms import LOST
from outage_notifier_testing.look_ups import BETWEEN, FIRST_LOOK_S, Scene

from gridcare.postgres.poison.guard import Guard
from gridcare.testing.clock import StandingClock
from outage_notifier.receipts.flow.resolve_unknown import LOOK_LEASE, resolve_unknown
from outage_notifier.receipts.room import LookUps


@pytest.fixture
def in_memory(world, send, plan, fake_sms) -> Scene:
    """Return a scene whose SMS provider is in memory."""
    return Scene(world, send, plan, fake_sms)


async def test_message_of_another_attempt(in_memory):
    """The same text to the same phone: a bound message stays its own attempt's."""
    number = "+84911000007"
    first = await in_memory.notice(number)
    in_memory.sms.outcomes[number] = LOST
    outage_id = await in_memory.world.outage()
    second = await in_memory.world.notice(outage_id)
    await in_memory.plan()
    await in_memory.send_all(sms=in_memory.sms)
    assert len(in_memory.sms.sent) == 1
    await in_memory.look()
    await in_memory.look(after_s=BETWEEN.total_seconds())
    assert await in_memory.world.books(first) == {"accepted": 1}
    assert await in_memory.world.books(second) == {"retrying": 1}


async def test_two_lost_messages(in_memory):
    """Two notices of the same text, both taken without an answer: each gets one of the messages."""
    number = "+84911000008"
    in_memory.sms.lose_answers(number)
    first = await in_memory.notice(number)
    second = await in_memory.world.notice(await in_memory.world.outage())
    await in_memory.plan()
    await in_memory.send_all(sms=in_memory.sms)
    assert await in_memory.look() == 2
    assert await in_memory.world.books(first, second) == {"accepted": 2}
    bound = await in_memory.rows("SELECT provider_message_id FROM attempt")
    assert {row[0] for row in bound} == {sent.message_id for sent in in_memory.sms.sent}


async def test_message_promised_by_receipt(in_memory):
    """A callback that is not applied yet is believed already."""
    number = "+84911000009"
    in_memory.sms.lose_answers(number)
    notice_id = await in_memory.notice(number)
    (sent,) = in_memory.sms.sent
    other = sent.callback_ref.rpartition(".")[0] + ".77"
    await in_memory.tell(sent.message_id, "delivered", ref=other)
    await in_memory.look()
    assert await in_memory.world.books(notice_id) == {"unknown": 1}
    assert (await in_memory.attempt())["provider_message_id"] is None


async def test_callback_came_first(in_memory):
    """What a receipt raised is not looked up."""
    number = "+84911000010"
    in_memory.sms.lose_answers(number)
    await in_memory.notice(number)
    (sent,) = in_memory.sms.sent
    await in_memory.tell(sent.message_id, "delivered", ref=sent.callback_ref)
    await in_memory.apply()
    assert await in_memory.look() == 0
    assert in_memory.sms.looks == 0


async def test_receipt_in_mid_look(in_memory):
    """The look's record finds the delivery raised and leaves it."""
    number = "+84911000011"
    in_memory.sms.outcomes[number] = LOST
    notice_id = await in_memory.notice(number)
    row = await in_memory.attempt()
    look = in_memory.sms.recent

    async def told_meanwhile(to: str):
        await in_memory.tell("SM9", "delivered", ref=f"{row['batch_id']}.{row['place']}.{row['try']}")
        await in_memory.apply()
        return await look(to)

    in_memory.sms.recent = told_meanwhile
    await in_memory.look()
    assert await in_memory.world.books(notice_id) == {"delivered": 1}


async def test_two_workers_make_one_look(in_memory):
    """The second finds nothing due: a look is claimed before it is made."""
    in_memory.sms.outcomes["+84911000012"] = LOST
    await in_memory.notice("+84911000012")
    in_memory.world.clock.move(seconds=FIRST_LOOK_S)
    looked = await asyncio.gather(*(in_memory.look(after_s=0) for _ in range(3)))
    assert sorted(looked) == [0, 0, 1]
    assert (in_memory.sms.looks, (await in_memory.delivery())["looks"]) == (1, 1)


async def test_late_look_records_nothing(in_memory):
    """Two looks within a moment must not count as two looks minutes apart."""
    in_memory.sms.outcomes["+84911000013"] = LOST
    await in_memory.notice("+84911000013")
    look = in_memory.sms.recent

    async def slow(to: str):
        in_memory.sms.recent = look
        await in_memory.look(after_s=LOOK_LEASE.total_seconds())
        return await look(to)

    in_memory.sms.recent = slow
    await in_memory.look()
    assert (in_memory.sms.looks, (await in_memory.delivery())["looks"]) == (2, 1)


async def test_clocks_of_workers_differ(in_memory):
    """Twilio lists late, and one worker's clock is ahead of another's: the look of a moment later proves nothing."""
    number = "+84911000017"
    in_memory.sms.lose_answers(number)
    notice_id = await in_memory.notice(number)
    listed = in_memory.sms.recent

    async def nothing_yet(to: str):
        return []

    in_memory.sms.recent = nothing_yet
    world = in_memory.world
    for ahead in (timedelta(minutes=10), timedelta(minutes=20)):
        clock = StandingClock(world.clock.now() + ahead)
        guard = Guard(world.db)
        assert await resolve_unknown(room=LookUps(world.db, clock, guard, world.vault, in_memory.sms, BETWEEN)) == 1
        assert await world.books(notice_id) == {"unknown": 1}
    row = await in_memory.delivery()
    assert row["looks"] == 1
    assert timedelta(seconds=60) < row["next_attempt_at"] - clock.now() <= BETWEEN
    in_memory.sms.recent = listed
    world.clock.move(minutes=20)
    await in_memory.look(after_s=BETWEEN.total_seconds())
    assert await world.books(notice_id) == {"accepted": 1}
    assert len(in_memory.sms.sent) == 1


@pytest.mark.parametrize("looked_at", ["NULL", "clock_timestamp() + interval '1 hour'"])
async def test_unmeasured_distance_starts_anew(in_memory, looked_at):
    """The time of the last look is not known, or lies ahead of a clock that was set back: this look is the first one."""
    in_memory.sms.outcomes["+84911000018"] = LOST
    notice_id = await in_memory.notice("+84911000018")
    await in_memory.look()
    async with in_memory.world.db.transaction() as tx:
        await tx.execute(f"UPDATE delivery SET looked_at = {looked_at}")
    in_memory.world.clock.move(seconds=BETWEEN.total_seconds())
    assert await in_memory.look(after_s=0) == 1
    row = await in_memory.delivery()
    assert (row["state"], row["looks"]) == ("unknown", 1)
    assert row["next_attempt_at"] == in_memory.world.clock.now() + BETWEEN
    assert await in_memory.look(after_s=BETWEEN.total_seconds()) == 1
    assert await in_memory.world.books(notice_id) == {"retrying": 1}


async def test_useless_expires(in_memory):
    """Two looks agree that it is not there, too late to send it."""
    in_memory.sms.outcomes["+84911000014"] = LOST
    notice_id = await in_memory.notice("+84911000014", useful=timedelta(seconds=120))
    await in_memory.look()
    await in_memory.look(after_s=BETWEEN.total_seconds())
    assert await in_memory.world.books(notice_id) == {"expired": 1}


async def test_removed_phone(in_memory):
    """Without a number there is no look: unknown, then unresolved."""
    in_memory.sms.outcomes["+84911000015"] = LOST
    notice_id = await in_memory.notice("+84911000015", useful=timedelta(seconds=100))
    async with in_memory.world.owner_db.transaction() as tx:
        await tx.execute("DELETE FROM phone")
    await in_memory.look()
    assert await in_memory.world.books(notice_id) == {"unknown": 1}
    await in_memory.look(after_s=10)
    assert await in_memory.world.books(notice_id) == {"unresolved": 1}
    assert in_memory.sms.looks == 0


@pytest.mark.parametrize(("useful_s", "state"), [(3600, "awaiting"), (120, "accepted")])
async def test_told_before_stays_told(in_memory, useful_s, state):
    """An SMS that follows an accepted push: not created is no failure of the delivery."""
    in_memory.sms.outcomes["+84911000016"] = LOST
    notice_id = await in_memory.notice("+84911000016", useful=timedelta(seconds=useful_s))
    async with in_memory.world.db.transaction() as tx:
        await tx.execute("UPDATE delivery SET told_by_push = true")
    await in_memory.look()
    await in_memory.look(after_s=BETWEEN.total_seconds())
    assert await in_memory.world.books(notice_id) == {state: 1}
