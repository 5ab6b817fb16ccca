"""What is wrong with one contact settles that contact: its recipient is told on another one, once, or ends when none is left."""

from collections.abc import Awaitable, Callable

import pytest

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.look_at_covers import look_at_covers

A, B = "PB11010000001", "PB11010000002"
FIRST, SECOND, OWN = "+84901000001", "+84901000002", "+84902000003"
GONE = Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True)
NO_NUMBER = Outcome(OutcomeKind.REFUSED, "21211", contact_dead=True)
STOPPED = Outcome(OutcomeKind.REFUSED, "21610", opted_out=True)


@pytest.fixture
def settle(world, send, planning) -> Callable[[], Awaitable[None]]:
    """Return a function that sends, looks at covers and cuts follow-ups until nothing is left to do now: a few rounds."""

    async def run() -> None:
        for _ in range(8):
            await send()
            looked = await look_at_covers(room=planning)
            if not await cut_follow_ups(room=planning) + looked + len(await world.batches()):
                return
        raise AssertionError("there is no end to it")

    return run


async def change(world, statement: str) -> None:
    async with world.db.transaction() as tx:
        await tx.execute(statement)


async def ends(world) -> dict[str, tuple[str, str, str]]:
    """Return state, channel and reason of each recipient's delivery."""
    rows = await world.rows("SELECT recipient_id, state, channel, reason FROM delivery")
    return {recipient_id: tuple(rest) for recipient_id, *rest in rows}


LOSSES = ["bad_reason = '30005', bad_at = now()", "removed_at = now()", "consent = false", "opted_out_at = now()"]


@pytest.mark.parametrize("loss", LOSSES)
async def test_phone_lost_before_the_call(world, plan, settle, *, fake_sms, loss):
    """The phone that planning chose is of no use any more: the other one is texted."""
    await world.customer(A, phones=[FIRST, SECOND])
    notice_id = await world.notice(await world.outage())
    await plan()
    await change(world, f"UPDATE phone SET {loss} WHERE masked = '*01'")
    await settle()
    assert await world.books(notice_id) == {"accepted": 1}
    assert [sms.to for sms in fake_sms.sent] == [SECOND]


@pytest.mark.parametrize("refusal", [NO_NUMBER, STOPPED])
async def test_phone_lost_by_the_call(world, plan, settle, *, fake_sms, refusal):
    """The provider says that the phone is of no use: the other one is texted."""
    await world.customer(A, phones=[FIRST, SECOND])
    fake_sms.outcomes[FIRST] = refusal
    notice_id = await world.notice(await world.outage())
    await plan()
    await settle()
    assert await world.books(notice_id) == {"accepted": 1}
    assert [sms.to for sms in fake_sms.sent] == [SECOND]


@pytest.mark.parametrize(
    ("refusal", "end"),
    [(NO_NUMBER, ("unreachable", "sms", "21211")), (STOPPED, ("opted_out", "sms", "opted-out"))],
)
async def test_all_contacts_lost(world, plan, settle, *, fake_push, fake_sms, refusal, end):
    """A device and two phones, each asked once and of no use: that is the end, with the last reason."""
    await world.customer(A, devices=["d1"], phones=[FIRST, SECOND])
    fake_push.outcomes["d1"] = GONE
    fake_sms.outcomes |= {FIRST: refusal, SECOND: refusal}
    await world.notice(await world.outage())
    await plan()
    await settle()
    assert await ends(world) == {A: end}
    assert await world.rows("SELECT count(*) FROM attempt") == [(3,)]


@pytest.mark.parametrize("answers", [True, False])
async def test_reinstalled_app(world, plan, settle, *, fake_push, answers):
    """The old device is gone, by its answer or before the call, and the new one gets the push."""
    await world.customer(A, devices=["old"])
    fake_push.outcomes["old"] = GONE
    notice_id = await world.notice(await world.outage())
    await plan()
    if not answers:
        await change(world, "DELETE FROM device")
    async with world.db.transaction() as tx:
        await world._device(tx, A, "new")
    await settle()
    assert await world.books(notice_id) == {"accepted": 1}
    assert fake_push.registrations == ["new"]


async def test_gone_device_ends_alone(world, plan, settle, fake_push):
    """There is no other contact: unreachable, by what the provider said of the device."""
    await world.customer(A, devices=["old"])
    fake_push.outcomes["old"] = GONE
    await world.notice(await world.outage())
    await plan()
    await settle()
    assert await ends(world) == {A: ("unreachable", "push", "UNREGISTERED")}


async def test_app_instead_of_phone(world, plan, settle, *, fake_push, fake_sms):
    """The number is none, and the app was registered meanwhile: a push tells them."""
    await world.customer(A, phones=[FIRST])
    fake_sms.outcomes[FIRST] = NO_NUMBER
    await world.notice(await world.outage())
    await plan()
    async with world.db.transaction() as tx:
        await world._device(tx, A, "new")
    await settle()
    assert (await ends(world))[A][:2] == ("accepted", "push")
    assert fake_push.registrations == ["new"]


async def test_told_by_push_one_sms(world, plan, settle, *, fake_push, fake_sms):
    """The push was taken and nobody looked: the SMS goes to the phone that is of use, and to no other, nor a push again."""
    await world.customer(A, devices=["d1"], phones=[FIRST, SECOND, OWN])
    fake_sms.outcomes[FIRST] = NO_NUMBER
    await world.notice(await world.outage(), kind="change")
    await plan()
    await settle()
    world.clock.move(minutes=31)
    await settle()
    assert (await ends(world))[A][:2] == ("accepted", "sms")
    assert ([sms.to for sms in fake_sms.sent], fake_push.registrations) == ([SECOND], ["d1"])


@pytest.mark.parametrize(("phones", "end"), [((), "unreachable"), ((OWN,), "accepted")])
async def test_shared_phone_lost(world, plan, settle, *, fake_sms, phones, end):
    """Its owner is told on another phone, which tells nobody else: who was covered is told on one of their own, or ends."""
    await world.customer(A, phones=[FIRST, SECOND])
    await world.customer(B, phones=[FIRST, *phones])
    fake_sms.outcomes[FIRST] = NO_NUMBER
    notice_id = await world.notice(await world.outage())
    await plan()
    await settle()
    found = await ends(world)
    assert (found[A][0], found[B][0]) == ("accepted", end)
    assert sorted(sms.to for sms in fake_sms.sent) == [SECOND, *phones]
    assert sum((await world.books(notice_id)).values()) == 2


async def test_shared_phone_in_place(world, plan, settle, *, fake_sms):
    """The phone that is left is the one on which a neighbour is told: covered, and the neighbour gets one SMS."""
    await world.customer(A, phones=[SECOND])
    await world.customer(B, phones=[FIRST, SECOND])
    fake_sms.outcomes[FIRST] = NO_NUMBER
    notice_id = await world.notice(await world.outage())
    await plan()
    await settle()
    assert await world.books(notice_id) == {"accepted": 1, "covered": 1}
    assert [sms.to for sms in fake_sms.sent] == [SECOND]
