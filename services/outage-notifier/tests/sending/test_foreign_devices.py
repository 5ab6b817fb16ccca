"""A device that registered with another sender, or that Apple refuses: its own trouble, and nobody else's."""

import pytest

from outage_notifier.contacts.flow.devices import RegisterDevice, register_device
from outage_notifier.contacts.flow.devices_aside import list_aside, take_back
from outage_notifier.contacts.room import Aside, Contacts
from outage_notifier.contacts.store.device import DevicesAside
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.providers.fcm.errors import refused

FOREIGN = Outcome(OutcomeKind.REFUSED, "SENDER_ID_MISMATCH", contact_foreign=True)


def a_device(n):
    return {"devices": [f"d{n}"]}


@pytest.fixture
async def one_foreign(world, planned, send, fake_push):
    """Return the books after a notice to thirty customers, of whom the second has a foreign device and a phone."""
    fake_push.outcomes = {"d1": FOREIGN}
    notice_id = await planned(30, each=lambda n: a_device(n) | ({"phones": ["+84901000001"]} if n == 1 else {}))
    await send()
    return await world.books(notice_id)


@pytest.mark.parametrize("code", ["SENDER_ID_MISMATCH", "THIRD_PARTY_AUTH_ERROR"])
async def test_one_stops_nobody(world, planned, send, sending, code):
    """Everybody else is pushed to, at once, and the channel goes on."""
    body = b'{"error": {"details": [{"errorCode": "%s"}]}}' % code.encode()
    sending.push.outcomes = {"d3": refused(403, body, None, world.clock.now())}
    notice_id = await planned(30, each=a_device)
    await send()
    books = await world.books(notice_id)
    assert books.pop("accepted") == 29
    assert list(books.values()) == [1]
    assert not sending.breakers["push"].is_open


async def test_its_owner_gets_sms(world, one_foreign):
    """The customer's phone takes over at once; the device is kept."""
    assert one_foreign == {"accepted": 29, "retrying": 1}
    async with world.db.read() as c:
        row = await c.fetchrow("SELECT next_channel, next_attempt_at FROM delivery WHERE state = 'retrying'")
        assert tuple(row) == ("sms", world.clock.now())
        assert await c.fetchval("SELECT count(*) FROM device") == 30


async def test_next_notice_leaves_it_out(world, one_foreign, plan, send, fake_push):
    """It is not called again, nor does planning count on it: its owner is sent an SMS."""
    fake_push.outcomes = {}
    notice_id = await world.notice(await world.outage())
    await plan()
    async with world.db.read() as c:
        assert await c.fetchval("SELECT size FROM batch WHERE notice_id = $1 AND channel = 'sms'", notice_id) == 1
    await send()
    assert await world.books(notice_id) == {"accepted": 30}
    assert fake_push.registrations.count("d1") == 0


async def test_registering_takes_it_back(world, one_foreign, plan, send, fake_push):
    """The app registered with us again."""
    fake_push.outcomes = {}
    command = RegisterDevice(
        account="PB11010000001",
        customer_codes=frozenset({"PB11010000001"}),
        kind="token",
        registration="d1",
        platform="android",
    )
    await register_device(command, room=Contacts(world.db, world.clock, world.vault, 30))
    await world.notice(await world.outage())
    await plan()
    await send()
    assert fake_push.registrations.count("d1") == 1


async def test_ops_list_and_take_back(world, one_foreign, plan, send, fake_push):
    """They see how many there are and since when, and have them called again after a fault of ours."""
    fake_push.outcomes = {}
    room, now = Aside(world.db), world.clock.now()
    assert await list_aside(room=room) == [DevicesAside("SENDER_ID_MISMATCH", 1, now, now)]
    assert await take_back("SENDER_ID_MISMATCH", room=room) == 1
    assert await list_aside(room=room) == []
    await world.notice(await world.outage())
    await plan()
    await send()
    assert fake_push.registrations.count("d1") == 1
