"""The app's received marks: what they raise, and who may send them."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from gridcare.values.ids import uuid7
from outage_notifier.ledger.core.delivery import Delivery
from outage_notifier.ledger.store import delivery

MINE, THEIRS = "PB11010012345", "PB11010054321"
SLOTS = {
    "place": "KV 5",
    "cause": "bảo trì",
    "windows": [["2026-12-02T01:00:00+00:00", "2026-12-02T04:30:00+00:00"]],
}


@pytest.fixture
def received(api):
    """Return a function that marks a delivery as received and returns the status of the answer."""

    async def mark(delivery_id: str, *codes: str) -> int:
        path = f"/v1/deliveries/{delivery_id}/received"
        return (await api.call("POST", path, roles=("customer",), codes=codes or (MINE,))).status_code

    return mark


async def _state(db, notice_id: UUID) -> list[tuple[str, str]]:
    async with db.read() as connection:
        rows = await connection.fetch("SELECT state, reason FROM delivery WHERE notice_id = $1", notice_id)
    return [tuple(row) for row in rows]


async def _marks(db) -> list[tuple[str, str]]:
    async with db.read() as connection:
        rows = await connection.fetch("SELECT dedup_key, recipient_id FROM receipt WHERE source = 'app'")
    return [tuple(row) for row in rows]


async def _awaiting(world, db, plan, clock) -> UUID:
    """Write a delivery that was pushed and awaits the mark."""
    await world.customer(MINE, devices=["a-device-of-mine"], phones=["+84912345678"])
    notice_id = await world.notice(await world.outage(), slots=SLOTS)
    await plan()
    [home] = await world.batches()
    row = Delivery(
        notice_id=notice_id,
        recipient_id=MINE,
        number=1,
        home_batch_id=home,
        language="vi",
        state="awaiting",
        reason="push-accepted",
        channel="push",
        contact="1 device(s)",
        covered_by=None,
        tries=1,
        looks=0,
        next_attempt_at=clock.now() + timedelta(minutes=10),
        next_channel="sms",
        follow_up_batch_id=None,
        recorded_at=clock.now(),
    )
    async with db.transaction() as tx:
        await delivery.record(tx, [row])
    return notice_id


async def test_marks_settle_deliveries(received, world, db, plan, clock):
    """A mark makes its delivery delivered, in the counts too, and cancels what was to follow; repeats change nothing."""
    notice_id = await _awaiting(world, db, plan, clock)
    for _ in range(2):
        assert await received(f"{notice_id}-1", THEIRS, MINE) == 204
    assert await world.books(notice_id) == {"delivered": 1}
    async with db.read() as connection:
        row = await connection.fetchrow("SELECT reason, next_attempt_at, next_channel, channel, contact FROM delivery")
    assert tuple(row) == ("received-mark", None, None, "push", "1 device(s)")
    assert await _marks(db) == []


async def test_received_after_the_text(received, world, db, plan, clock):
    """Where an SMS had followed, the push counts as what arrived, and no part of the phone stays with the delivery."""
    notice_id = await _awaiting(world, db, plan, clock)
    async with db.transaction() as tx:
        await tx.execute("UPDATE delivery SET channel = 'sms', contact = '*78'")
    assert await received(f"{notice_id}-1") == 204
    async with db.read() as connection:
        assert tuple(await connection.fetchrow("SELECT state, channel, contact FROM delivery")) == (
            "delivered",
            "push",
            "app",
        )


async def test_others_are_not_found(received, world, db, plan, clock):
    """Another customer's delivery, a wrong number and an unknown notice are not found, and change nothing."""
    notice_id = await _awaiting(world, db, plan, clock)
    answers = [
        await received(f"{notice_id}-1", THEIRS),
        await received(f"{notice_id}-2"),
        await received(f"{uuid4()}-1"),
        await received(f"{notice_id}-999999999"),
    ]
    assert answers == [404] * 4
    assert await _state(db, notice_id) == [("awaiting", "push-accepted")]
    assert await _marks(db) == []


@pytest.mark.parametrize("delivery_id", ["1", f"{UUID(int=1)}", f"{UUID(int=1)}-0", f"{UUID(int=1)}-1234567890"])
async def test_malformed_ids_are_refused(received, delivery_id):
    """A text that is no delivery id is refused."""
    assert await received(delivery_id) == 422


@pytest.mark.parametrize("single", [True, False])
async def test_before_its_row(received, world, db, plan, single):
    """A mark of a push that is under way is kept once; before a sender has claimed the batch the delivery is not found."""
    await world.customer(MINE, devices=["a-device-of-mine"])
    if single:
        event = uuid7(world.clock.now())
        notice_id = await world.notice(
            None, kind="ticket-opened", revision=None, audience_rule="one", recipient_id=MINE, cause_event_id=event
        )
    else:
        notice_id = await world.notice(await world.outage(), slots=SLOTS)
        await plan()
    assert await received(f"{notice_id}-1") == 404
    await plan()
    async with db.transaction() as tx:
        await tx.execute("UPDATE batch SET attempt = 1")
    assert [await received(f"{notice_id}-1", THEIRS), await received(f"{notice_id}-2")] == [404, 404]
    assert [await received(f"{notice_id}-1") for _ in range(2)] == [204, 204]
    assert await _marks(db) == [(f"{notice_id}-1", MINE)]
