"""What is looked at again just before a call: superseded, too late, quiet hours, contacts that changed."""

from datetime import timedelta

from outage_notifier.planning.flow.cut_follow_ups import cut_follow_ups


def a_phone(n):
    return {"phones": [f"+8490100{n:04}"]}


def a_device(n):
    return {"devices": [f"d{n}"]}


async def test_superseded_notice(world, planned, send, fake_sms):
    """What is unsent when a newer revision is published stays unsent, in a state that says so."""
    notice_id = await planned(5, each=a_phone)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE notice SET superseded_at = now()")
    await send()
    assert await world.books(notice_id) == {"superseded": 5}
    assert fake_sms.sent == []


async def test_late_notice_expires(world, planned, send, fake_push, clock):
    """Nobody is told of a cut that has begun."""
    notice_id = await planned(2, each=a_device)
    clock.move(days=3)
    await send()
    assert await world.books(notice_id) == {"expired": 2}
    assert fake_push.accepted == []


async def test_quiet_hours_hold(world, planned, send, clock):
    """At 23:00 a bulk notice is held until 07:00."""
    notice_id = await planned(1, each=a_phone)
    clock.move(hours=13)
    await send()
    assert await world.books(notice_id) == {"held": 1}
    async with world.db.read() as c:
        assert await c.fetchval("SELECT next_attempt_at FROM delivery") == clock.now() + timedelta(hours=8)


async def test_quiet_hours_lose_nothing(world, planned, send, clock):
    """A cut at 06:00 is announced within the quiet hours."""
    notice_id = await planned(1, each=a_phone, useful_until=clock.now() + timedelta(hours=20))
    clock.move(hours=13)
    await send()
    assert await world.books(notice_id) == {"accepted": 1}


async def test_phone_opted_out_meanwhile(world, planned, send, *, planning, fake_sms):
    """Consent is looked at again when it is sent."""
    notice_id = await planned(1, each=a_phone)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE phone SET opted_out_at = now()")
    await send()
    await cut_follow_ups(room=planning)
    assert await world.books(notice_id) == {"opted_out": 1}
    assert fake_sms.sent == []


async def test_device_moved_meanwhile(world, planned, send, fake_push):
    """A phone that was sold does not show the former owner's messages."""
    notice_id = await planned(1, each=lambda n: a_device(n) | a_phone(n))
    async with world.owner_db.transaction() as tx:
        await tx.execute("UPDATE device_customer SET customer_code = 'PB11019999999'")
    await send()
    assert await world.books(notice_id) == {"retrying": 1}
    assert fake_push.accepted == []
