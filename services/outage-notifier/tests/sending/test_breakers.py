"""The breakers: our own wrong credentials stop a channel and delete nothing."""

from dataclasses import replace

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

GONE = Outcome(OutcomeKind.REFUSED, "UNREGISTERED", contact_dead=True)


def a_phone(n):
    return {"phones": [f"+8490100{n:04}"]}


def a_device(n):
    return {"devices": [f"d{n}"]}


async def test_too_many_gone_devices_open_the_breaker_and_delete_nothing(world, planned, send, sending, providers):
    """When a tenth of a batch is unregistered the credential is wrong, not the devices."""
    providers.answers = {f"d{n}": GONE for n in range(20)}
    notice_id = await planned(40, each=a_device)
    await send()
    assert await world.books(notice_id) == {"accepted": 20, "retrying": 20}
    assert sending.breakers["push"].is_open
    async with world.db.read() as c:
        assert await c.fetchval("SELECT count(*) FROM device") == 40


async def test_a_wrong_credential_opens_the_breaker_and_holds_the_rest(world, planned, send, sending, providers):
    """SENDER_ID_MISMATCH stops the calls: what is left is retried later, nothing is deleted."""
    providers.answers = {f"d{n}": Outcome(OutcomeKind.MISCONFIGURED, "SENDER_ID_MISMATCH") for n in range(10)}
    notice_id = await planned(10, each=a_device)
    await send(limits=replace(sending.limits, push_concurrency=1))
    assert await world.books(notice_id) == {"retrying": 10}
    assert sending.breakers["push"].is_open


async def test_a_wrong_sms_account_opens_its_own_breaker_alone(world, planned, send, sending, providers):
    """After the first 401 nobody is texted, everybody is retried later, and pushes go on."""
    providers.answers = {f"+8490100{n:04}": Outcome(OutcomeKind.MISCONFIGURED, "20003") for n in range(10)}
    notice_id = await planned(12, each=lambda n: a_phone(n) if n < 10 else a_device(n))
    await send(limits=replace(sending.limits, sms_chunk_size=2))
    assert await world.books(notice_id) == {"retrying": 10, "accepted": 2}
    assert (sending.breakers["sms"].is_open, sending.breakers["push"].is_open) == (True, False)
