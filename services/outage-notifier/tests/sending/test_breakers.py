"""The breakers: our own wrong credentials stop a channel and delete nothing."""

from dataclasses import replace

import pytest

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.sending.breaker import Breaker

GONE = Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True)


def a_phone(n):
    return {"phones": [f"+8490100{n:04}"]}


def a_device(n):
    return {"devices": [f"d{n}"]}


async def test_too_many_gone_devices(world, planned, send, sending, fake_push):
    """When a tenth of a batch is unregistered the credential is wrong, not the devices."""
    fake_push.outcomes = {f"d{n}": GONE for n in range(20)}
    notice_id = await planned(40, each=a_device)
    await send()
    assert await world.books(notice_id) == {"accepted": 20, "retrying": 20}
    assert sending.breakers["push"].is_open
    async with world.db.read() as c:
        assert await c.fetchval("SELECT count(*) FROM device") == 40


async def test_wrong_push_credential(world, planned, send, sending, fake_push):
    """A refused token stops the calls: what is left is retried later, nothing is deleted."""
    fake_push.outcomes = {f"d{n}": Outcome(OutcomeKind.MISCONFIGURED, "token-refused") for n in range(10)}
    notice_id = await planned(10, each=a_device)
    await send(limits=replace(sending.limits, push_concurrency=1))
    assert await world.books(notice_id) == {"retrying": 10}
    assert sending.breakers["push"].is_open


async def test_wrong_sms_account(world, planned, send, sending, fake_sms):
    """After the first 401 nobody is texted, everybody is retried later, and pushes go on."""
    fake_sms.outcomes = {f"+8490100{n:04}": Outcome(OutcomeKind.MISCONFIGURED, "20003") for n in range(10)}
    notice_id = await planned(12, each=lambda n: a_phone(n) if n < 10 else a_device(n))
    await send(limits=replace(sending.limits, sms_chunk_size=2))
    assert await world.books(notice_id) == {"retrying": 10, "accepted": 2}
    assert (sending.breakers["sms"].is_open, sending.breakers["push"].is_open) == (True, False)


@pytest.mark.parametrize("channel", ["push", "sms"])
async def test_open_breaker_makes_no_call(world, planned, send, sending, channel):
    """Nobody is called; the attempts say why, and the deliveries are retried."""
    sending.breakers[channel].trip("a test")
    notice_id = await planned(3, each=a_device if channel == "push" else a_phone)
    await send()
    assert (sending.push.accepted, sending.sms.sent) == ([], [])
    assert await world.books(notice_id) == {"retrying": 3}
    async with world.db.read() as c:
        codes = await c.fetch("SELECT DISTINCT error_code FROM attempt")
    assert [row["error_code"] for row in codes] == ["breaker-open"]


def test_breaker_closes_by_time():
    """A pause of nothing is over at once."""
    breaker = Breaker("sms", pause_s=0)
    breaker.trip("a test")
    assert not breaker.is_open


def test_breaker_heeds_our_faults_alone():
    """Whatever is wrong with a contact or with the provider leaves it closed."""
    breaker = Breaker("push")
    for kind in set(OutcomeKind) - {OutcomeKind.MISCONFIGURED}:
        breaker.heed(Outcome(kind))
    assert not breaker.is_open
    breaker.heed(Outcome(OutcomeKind.MISCONFIGURED, "token-refused"))
    assert breaker.is_open
