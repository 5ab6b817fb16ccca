"""Received marks and senders: whichever comes first, the delivery is delivered once, and the books balance."""

import asyncio
from datetime import timedelta

import pytest

from outage_notifier.ledger.core.delivery_id import DeliveryId, read_delivery_id
from outage_notifier.receipts.core.receipt import GIVEN_UP_AFTER
from outage_notifier.receipts.flow.apply_marks import apply_marks
from outage_notifier.receipts.flow.mark_received import mark_received

MINE = "PB11010012345"


@pytest.fixture
async def notice_id(world):
    """Return a due notice to three customers, one of them MINE, each with a device."""
    for number, code in enumerate((MINE, "PB11010012346", "PB11010012347")):
        await world.customer(code, devices=[f"device-{number}"], phones=[f"+8491234567{number}"])
    return await world.notice(await world.outage(), kind="change")


async def test_mark_before_the_row(world, clock, fake_push, *, plan, send, notice_id, marks):
    """The app answers while its sender is still at work: the mark waits for the row and is then applied."""
    await plan()

    async def answer_at_once() -> None:
        await mark_received(DeliveryId(notice_id, 1), [MINE], room=marks)
        assert await apply_marks(room=marks) in {0, 1}

    fake_push.meanwhile = answer_at_once
    await send()
    assert await world.books(notice_id) == {"awaiting": 3}
    clock.move(seconds=5)
    assert await apply_marks(room=marks) == 1
    assert await world.books(notice_id) == {"awaiting": 2, "delivered": 1}
    assert await apply_marks(room=marks) == 0


async def test_marks_after_the_row(world, plan, send, *, fake_push, notice_id, marks):
    """The ids that devices got are the ones by which the app's marks find their deliveries, all at once too."""
    await plan()
    await send()
    codes = {"device-0": MINE, "device-1": "PB11010012346", "device-2": "PB11010012347"}
    given = [
        (read_delivery_id(delivery_id), codes[registration])
        for delivery_id, registration in zip(fake_push.delivery_ids, fake_push.registrations, strict=True)
    ] * 3
    await asyncio.gather(*(mark_received(delivery_id, [code], room=marks) for delivery_id, code in given))
    assert await world.books(notice_id) == {"delivered": 3}


async def test_no_fallback_follows(world, db, clock, plan, send, *, notice_id, marks):
    """A delivery that the app received is not among those that still wait for an SMS."""
    await plan()
    await send()
    await mark_received(DeliveryId(notice_id, 1), [MINE], room=marks)
    async with db.read() as connection:
        waiting = await connection.fetch("SELECT recipient_id FROM delivery WHERE next_attempt_at IS NOT NULL")
    assert {row[0] for row in waiting} == {"PB11010012346", "PB11010012347"}


async def test_mark_given_up(world, db, clock, plan, *, notice_id, marks):
    """A mark whose delivery never gets a row is given up in the end, and said to be unmatched."""
    await plan()
    async with db.transaction() as tx:
        await tx.execute("UPDATE batch SET attempt = 1")
    await mark_received(DeliveryId(notice_id, 1), [MINE], room=marks)
    clock.move(seconds=1)
    assert await apply_marks(room=marks) == 1
    clock.time += GIVEN_UP_AFTER + timedelta(seconds=1)
    assert await apply_marks(room=marks) == 1
    async with db.read() as connection:
        assert await connection.fetchval("SELECT result FROM receipt") == "unmatched"
