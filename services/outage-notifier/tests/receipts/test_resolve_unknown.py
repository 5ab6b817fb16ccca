"""Resolving an SMS whose call has an unknown end, over a real database and against the Twilio emulator."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from outage_notifier_testing.look_ups import BETWEEN, Scene
from outage_notifier_testing.world import NOW

from gridcare.testing.waiting import eventually
from gridcare_local.emulators.control import Emulator, start_emulator
from gridcare_local.emulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from outage_notifier.providers.twilio.sender import TwilioSmsSender
from outage_notifier.receipts.flow.resolve_unknown import PAUSE


@pytest.fixture(scope="session")
def running_twilio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = start_emulator(
        "twilio",
        tmp_path_factory.mktemp("twilio"),
        clock_offset_s=(NOW - datetime.now(UTC)).total_seconds(),
        environment={"EMULATOR_TWILIO_PACE_S": "0.01"},
    )
    yield emulator
    emulator.stop()


@pytest.fixture
async def scene(world, send, plan, running_twilio) -> AsyncIterator[Scene]:
    running_twilio.script([])
    opened = TwilioSmsSender.open(
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        sender="GRIDCARE",
        public_url="http://127.0.0.1:9",
        api_url=running_twilio.url,
        deadline_s=1.0,
    )
    async with opened as sms:
        yield Scene(world, send, plan, sms)


def taken(emulator: Emulator, number: str) -> list[str]:
    return [line["sid"] for line in emulator.journal() if line["to"] == number]


@pytest.mark.parametrize("action", [{"hang": True}, {"http_status": 503, "accepted": True}])
async def test_created_message_is_bound(scene, running_twilio, action):
    """Hung or hidden behind an error: the first look finds it, and it is never sent again."""
    number = "+84911000001" if "hang" in action else "+84911000002"
    running_twilio.script([{"match": {"to": number}, "action": {**action, "callbacks": ["lost"]}}])
    notice_id = await scene.notice(number)
    assert await scene.world.books(notice_id) == {"unknown": 1}
    assert await scene.look() == 1
    assert set(await scene.world.books(notice_id)) <= {"accepted", "delivered"}
    assert [(await scene.attempt())["provider_message_id"]] == taken(running_twilio, number)
    assert await scene.look(after_s=3600) == 0


async def test_message_failed_meanwhile(scene, running_twilio):
    """The listed status and error code are as good as a callback, and mark the phone."""
    number = "+84911000003"
    action = {"hang": True, "error": 30005, "callbacks": ["lost"]}
    running_twilio.script([{"match": {"to": number}, "action": action}])
    notice_id = await scene.notice(number)

    async def failed() -> bool:
        return [it.status for it in await scene.sms.recent(number)] == ["undelivered"]

    await eventually(failed)
    await scene.look()
    assert await scene.world.books(notice_id) == {"failed": 1}
    assert (await scene.delivery())["reason"] == "30005"
    assert [row[0] for row in await scene.rows("SELECT bad_reason FROM phone")] == ["30005"]


async def test_message_not_created(scene, running_twilio):
    """One look proves nothing; the second, later, one sends it back to the senders."""
    number = "+84911000004"
    running_twilio.script([{"match": {"to": number}, "action": {"http_status": 500}}])
    notice_id = await scene.notice(number)
    assert await scene.look() == 1
    assert await scene.world.books(notice_id) == {"unknown": 1}
    assert await scene.look(after_s=BETWEEN.total_seconds() - 1) == 0
    assert await scene.look(after_s=1) == 1
    assert await scene.world.books(notice_id) == {"retrying": 1}
    row = await scene.delivery()
    assert (row["next_attempt_at"], row["next_channel"]) == (scene.world.clock.now(), "sms")
    assert taken(running_twilio, number) == []


async def test_message_listed_late(scene, running_twilio):
    """The first look did not show it: it is not sent again."""
    number = "+84911000005"
    action = {"hang": True, "list_after_s": 1.5, "callbacks": ["lost"]}
    running_twilio.script([{"match": {"to": number}, "action": action}])
    notice_id = await scene.notice(number)
    await scene.look()
    assert (await scene.delivery())["looks"] == 1

    async def listed() -> bool:
        return bool(await scene.sms.recent(number))

    await eventually(listed)
    await scene.look(after_s=BETWEEN.total_seconds())
    assert set(await scene.world.books(notice_id)) <= {"accepted", "delivered"}
    assert len(taken(running_twilio, number)) == 1


async def test_silent_provider_unresolved(scene, running_twilio):
    """Failed looks prove nothing: one after another, then unresolved, never sent again."""
    number = "+84911000006"
    running_twilio.script([{"match": {"to": number}, "action": {"http_status": 500}}])
    notice_id = await scene.notice(number, useful=timedelta(minutes=4))
    running_twilio.kill()
    try:
        assert await scene.look() == 1
        assert (await scene.delivery())["looks"] == 0
        assert await scene.look(after_s=PAUSE.total_seconds()) == 1
        assert await scene.world.books(notice_id) == {"unknown": 1}
        assert await scene.look(after_s=240) == 1
        assert await scene.world.books(notice_id) == {"unresolved": 1}
    finally:
        running_twilio.start_again()


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("ahead_s", [45, -45, 900])
async def test_skewed_sender_sends_once(scene, running_twilio, *, ahead_s, measured):
    """A sender whose clock is off by 45 seconds, or by far more, and whose callback is lost: found, and not sent again."""
    number = f"+8491200{ahead_s + 1_000:04}{int(measured)}"
    if measured:
        await scene.notice(f"+8491300{ahead_s + 1_000:04}1", feeder="FD2")
        scene.world.clock.move(seconds=1)
    running_twilio.script([{"match": {"to": number}, "action": {"hang": True, "callbacks": ["lost"]}}])
    scene.world.clock.move(seconds=ahead_s)
    notice_id = await scene.notice(number)
    assert await scene.world.books(notice_id) == {"unknown": 1}
    async with scene.world.db.read() as c:
        known = await c.fetchval("SELECT not_before IS NOT NULL FROM attempt WHERE outcome = 'unknown'")
    assert known == measured
    await scene.look()
    assert set(await scene.world.books(notice_id)) <= {"accepted", "delivered"}
    assert len(taken(running_twilio, number)) == 1
