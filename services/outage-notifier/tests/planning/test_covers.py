"""Who is covered was told: else they are told by another way, or on the contact itself."""

from collections.abc import Awaitable, Callable

import pytest
from outage_notifier_testing.look_ups import Scene

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.flow.complete_notices import complete_notices
from outage_notifier.ledger.store import notice as notice_store
from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups
from outage_notifier.planning.flow.look_at_covers import look_at_covers

A, B, C = "PB11010000001", "PB11010000002", "PB11010000003"
SHARED, OWN = "+84901000001", "+84902000002"
GONE = Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True)
REFUSED = Outcome(OutcomeKind.REFUSED, "30008")


@pytest.fixture
def scene(world, plan, send, fake_sms) -> Scene:
    """Return callbacks of the SMS provider."""
    return Scene(world, send, plan, fake_sms)


@pytest.fixture
def settle(world, send, planning) -> Callable[[], Awaitable[None]]:
    """Return a function that sends, looks at covers and cuts follow-ups until nothing is left to do now."""

    async def run() -> None:
        for _ in range(8):
            await send()
            await look_at_covers(room=planning)
            await cut_follow_ups(room=planning)
        async with world.db.read() as c:
            assert not await c.fetchval("SELECT count(*) FROM cover WHERE look_at <= $1", world.clock.now())

    return run


async def states(world) -> dict[str, tuple[str, str]]:
    """Return state and channel of each recipient's delivery."""
    async with world.db.read() as c:
        rows = await c.fetch("SELECT recipient_id, state, channel FROM delivery")
    return {row["recipient_id"]: (row["state"], row["channel"]) for row in rows}


async def change(world, statement: str, *values: object) -> None:
    async with world.owner_db.transaction() as tx:
        await tx.execute(statement, *values)


async def test_told_owner_covers(world, plan, settle, fake_sms):
    """One SMS to the number that both have: the other recipient stays covered, and nothing is left to look at."""
    for code in (A, B):
        await world.customer(code, phones=[SHARED])
    notice_id = await world.notice(await world.outage())
    await plan()
    await settle()
    assert await world.books(notice_id) == {"accepted": 1, "covered": 1}
    assert [sms.to for sms in fake_sms.sent] == [SHARED]
    assert await world.rows("SELECT look_at FROM cover") == [(None,)]


LEAVES = [
    "DELETE FROM phone WHERE customer_code = $1",
    "UPDATE phone SET removed_at = now() WHERE customer_code = $1",
    "UPDATE phone SET consent = false WHERE customer_code = $1",
    "UPDATE phone SET opted_out_at = now() WHERE customer_code = $1",
]


@pytest.mark.parametrize("leaves", LEAVES)
async def test_owner_leaves_the_phone(world, plan, settle, *, fake_sms, leaves):
    """Who was to be told on the number wants no SMS, or has it no more: another takes their place, and covers the third."""
    for code in (A, B, C):
        await world.customer(code, phones=[SHARED])
    notice_id = await world.notice(await world.outage())
    await plan()
    await change(world, leaves, A)
    await settle()
    assert [sms.to for sms in fake_sms.sent] == [SHARED]
    found = await states(world)
    assert (found[A][0] in {"unreachable", "opted_out"}, found[B], found[C]) == (
        True,
        ("accepted", "sms"),
        ("covered", "none"),
    )
    assert sum((await world.books(notice_id)).values()) == 3


async def test_dead_number_covers_nobody(world, plan, settle, fake_sms):
    """The provider says that the number is none: nobody was told, and nobody counts as covered."""
    for code in (A, B):
        await world.customer(code, phones=[SHARED])
    fake_sms.outcomes[SHARED] = Outcome(OutcomeKind.REFUSED, "21211", contact_dead=True)
    notice_id = await world.notice(await world.outage())
    await plan()
    await settle()
    assert await world.books(notice_id) == {"unreachable": 2}


async def test_refused_number_another_way(world, plan, settle, fake_sms):
    """The SMS is refused: the covered recipient, who has got a device meanwhile, is told there."""
    for code in (A, B):
        await world.customer(code, phones=[SHARED])
    fake_sms.outcomes[SHARED] = REFUSED
    await world.notice(await world.outage())
    await plan()
    async with world.db.transaction() as tx:
        await world._device(tx, B, "new")
    await settle()
    assert await states(world) == {A: ("failed", "sms"), B: ("accepted", "push")}


async def test_owner_told_elsewhere(world, plan, settle, *, fake_push, fake_sms):
    """The shared device is gone and its owner is told by SMS: so is the one who relied on the device."""
    await world.customer(A, devices=["shared"], phones=[SHARED])
    await world.customer(B, devices=["shared"], phones=[OWN])
    fake_push.outcomes["shared"] = GONE
    await world.notice(await world.outage())
    await plan()
    await settle()
    assert await states(world) == {A: ("accepted", "sms"), B: ("accepted", "sms")}
    assert sorted(sms.to for sms in fake_sms.sent) == [SHARED, OWN]


async def test_one_of_two_devices(world, plan, settle, *, fake_push, fake_sms):
    """The owner was told on a device of their own; the shared one took nothing."""
    await world.customer(A, devices=["own", "shared"])
    await world.customer(B, devices=["shared"], phones=[OWN])
    fake_push.outcomes["shared"] = GONE
    await world.notice(await world.outage())
    await plan()
    await settle()
    assert await states(world) == {A: ("accepted", "push"), B: ("accepted", "sms")}
    assert [sms.to for sms in fake_sms.sent] == [OWN]


async def test_push_is_not_the_phone(world, plan, settle, *, fake_push, planning, scene):
    """Told by push, and the SMS to the shared number failed: who relied on the number is told there."""
    await world.customer(A, devices=["a"], phones=[SHARED])
    await world.customer(B, devices=["b"], phones=[SHARED])
    fake_push.outcomes["b"] = Outcome(OutcomeKind.RETRY, "QUOTA_EXCEEDED", retry_after_s=1_000)
    notice_id = await world.notice(await world.outage(), kind="change")
    await plan()
    await settle()
    later = "UPDATE delivery SET next_attempt_at = next_attempt_at + interval '20 minutes' WHERE recipient_id = $1"
    await change(world, later, B)  # the other's turn comes after the SMS of the one
    world.clock.move(minutes=32)
    await cut_follow_ups(room=planning)  # the SMS of the one
    await change(world, "DELETE FROM device_customer WHERE customer_code = $1", B)
    await settle()
    world.clock.move(minutes=32)
    await settle()
    assert await states(world) == {A: ("accepted", "sms"), B: ("covered", "push")}
    (sent,) = scene.sms.sent
    await scene.tell(sent.message_id, "undelivered", ref=sent.callback_ref, code="30003")
    await scene.apply()
    await settle()
    assert await states(world) == {A: ("accepted", "push"), B: ("accepted", "sms")}
    assert sum((await world.books(notice_id)).values()) == 2


async def test_late_failure_opens_again(world, plan, settle, *, ledger, scene):
    """The receipt comes when the notice was completed: it is open again, and completed once more with a later version."""
    for code in (A, B):
        await world.customer(code, phones=[SHARED])
    notice_id = await world.notice(await world.outage())
    await plan()
    await settle()
    assert await complete_notices(room=ledger) == 1
    (sent,) = scene.sms.sent
    await scene.tell(sent.message_id, "undelivered", ref=sent.callback_ref, code="30003")
    await scene.apply()
    assert await complete_notices(room=ledger) == 0
    await settle()
    assert await states(world) == {A: ("failed", "sms"), B: ("accepted", "sms")}
    assert await complete_notices(room=ledger) == 1
    assert await world.rows("SELECT completions FROM notice WHERE notice_id = $1", notice_id) == [(2,)]


async def test_due_cover_delays_completion(world, plan, send, *, ledger, fake_sms):
    """A notice is not completed while somebody who relied on a failed SMS is to be looked at."""
    for code in (A, B):
        await world.customer(code, phones=[SHARED])
    fake_sms.outcomes[SHARED] = REFUSED
    await world.notice(await world.outage())
    await plan()
    await send()
    assert await complete_notices(room=ledger) == 0


async def test_superseded_covers_nobody(world, plan, settle, fake_sms):
    """A newer revision stopped the owner's message: the covered one is superseded too, and not told of the old one."""
    for code in (A, B):
        await world.customer(code, phones=[SHARED])
    outage_id = await world.outage()
    notice_id = await world.notice(outage_id)
    await plan()
    async with world.db.transaction() as tx:
        await notice_store.supersede(tx, outage_id, before_revision=2, now=world.clock.now())
    await settle()
    assert await world.books(notice_id) == {"superseded": 2}
    assert fake_sms.sent == []


async def test_open_owner_is_waited_for(world, plan, planning, *, send, fake_sms):
    """Nobody knows yet: the look is put off, and what becomes of the owner brings it forward."""
    for code in (A, B):
        await world.customer(code, phones=[SHARED])
    await world.notice(await world.outage())
    await plan()
    assert await look_at_covers(room=planning) == 1
    assert await look_at_covers(room=planning) == 0
    fake_sms.outcomes[SHARED] = REFUSED
    await send()
    assert await look_at_covers(room=planning) == 1
    assert (await states(world))[B] == ("retrying", "none")
