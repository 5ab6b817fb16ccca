"""Who was told by push stays told, whatever becomes of the SMS that follows."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from outage_notifier_testing.look_ups import FIRST_LOOK_S, Scene

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups

PHONE = "+84901000001"
PATIENCE_MINUTES = 31


@pytest.fixture
async def pushed(world, plan, send) -> UUID:
    """Push a change to a customer with a phone: it waits for the received mark."""
    await world.customer("PB11010000001", phones=[PHONE], devices=["d1"])
    notice_id: UUID = await world.notice(await world.outage(), kind="change")
    await plan()
    await send()
    return notice_id


@pytest.fixture
def fall_back(world, planning) -> Callable[[], Awaitable[None]]:
    """Return a function that lets the patience end and cuts the SMS."""

    async def run() -> None:
        world.clock.move(minutes=PATIENCE_MINUTES)
        await cut_follow_ups(room=planning)

    return run


@pytest.fixture
def scene(world, plan, send, fake_sms) -> Scene:
    """Return look-ups and callbacks of the SMS provider."""
    return Scene(world, send, plan, fake_sms)


async def told(world, notice_id: UUID) -> tuple[dict[str, int], str, str, str]:
    """Return the notice's books, and channel, contact and reason of its delivery."""
    async with world.db.read() as c:
        row = await c.fetchrow("SELECT channel, contact, reason FROM delivery WHERE notice_id = $1", notice_id)
    return await world.books(notice_id), row["channel"], row["contact"], row["reason"]


async def test_failed_sms_stays_told(world, pushed, *, fall_back, send, scene):
    """The receipt of the SMS says undelivered: the push told them, and says so; a late delivery still counts."""
    await fall_back()
    await send()
    assert (await told(world, pushed))[:2] == ({"accepted": 1}, "sms")
    (sent,) = scene.sms.sent
    for _ in range(2):
        await scene.tell(sent.message_id, "undelivered", ref=sent.callback_ref, code="30003")
        await scene.apply()
        assert await told(world, pushed) == ({"accepted": 1}, "push", "app", "sms-30003")
    await scene.tell(sent.message_id, "delivered", ref=sent.callback_ref)
    await scene.apply()
    assert await told(world, pushed) == ({"delivered": 1}, "sms", "*01", "receipt")


async def test_failure_before_the_answer(world, pushed, *, fall_back, send, scene):
    """The callback overtakes the call's own answer: the push still counts."""

    async def callback_first() -> None:
        async with world.db.read() as c:
            a = await c.fetchrow("SELECT batch_id, place, try FROM attempt WHERE channel = 'sms'")
        await scene.tell("SM1", "failed", ref=f"{a['batch_id']}.{a['place']}.{a['try']}", code="30008")
        await scene.apply()

    await fall_back()
    scene.sms.meanwhile = callback_first
    await send()
    assert await told(world, pushed) == ({"accepted": 1}, "push", "1 device(s)", "sms-30008")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("DELETE FROM phone", "sms-contact-removed"),
        ("UPDATE phone SET removed_at = now()", "sms-contact-removed"),
        ("UPDATE phone SET opted_out_at = now()", "sms-opted-out"),
        ("UPDATE phone SET bad_reason = '21211'", "sms-bad-contact"),
    ],
)
async def test_lost_phone_stays_told(world, pushed, *, fall_back, send, planning, change, reason):
    """The phone went away after the SMS was cut: the push is what told them."""
    await fall_back()
    async with world.owner_db.transaction() as tx:
        await tx.execute(change)
    await send()
    await cut_follow_ups(room=planning)
    assert await told(world, pushed) == ({"accepted": 1}, "push", "app", reason)


async def test_refused_sms_stays_told(world, pushed, *, fall_back, send, planning, fake_sms):
    """The provider refuses the SMS for good."""
    fake_sms.outcomes[PHONE] = Outcome(OutcomeKind.REFUSED, "21211", contact_dead=True)
    await fall_back()
    await send()
    await cut_follow_ups(room=planning)
    assert await told(world, pushed) == ({"accepted": 1}, "push", "app", "sms-21211")


async def test_unresolved_sms_stays_told(world, pushed, *, fall_back, send, scene):
    """What became of the SMS can never be learned: the push told them."""
    scene.sms.lose_answers(PHONE)
    await fall_back()
    await send()
    assert (await told(world, pushed))[0] == {"unknown": 1}
    async with world.owner_db.transaction() as tx:
        await tx.execute("UPDATE attempt SET body_hash = NULL WHERE channel = 'sms'")
    await scene.look(after_s=3 * 24 * 3600)
    assert await told(world, pushed) == ({"accepted": 1}, "push", "app", "sms-unresolved")


async def test_found_sms_tells_too(world, pushed, *, fall_back, send, scene):
    """A look-up finds the SMS: it is by SMS that they are told now, and a failure that comes later falls back to the push."""
    scene.sms.lose_answers(PHONE)
    await fall_back()
    await send()
    await scene.look(after_s=FIRST_LOOK_S)
    assert (await told(world, pushed))[:2] == ({"accepted": 1}, "sms")
    (sent,) = scene.sms.sent
    await scene.tell(sent.message_id, "failed", ref=sent.callback_ref)
    await scene.apply()
    assert await told(world, pushed) == ({"accepted": 1}, "push", "app", "sms-failed")
