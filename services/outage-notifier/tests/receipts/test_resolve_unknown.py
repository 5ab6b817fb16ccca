"""Resolving an SMS whose call has an unknown end, over a real database: against the Twilio emulator and in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from outage_notifier_testing.fake_sms import FakeSmsSender

from gridcare.testing.waiting import eventually
from gridcare_local.emulators.control import Emulator, start_emulator
from gridcare_local.emulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from outage_notifier.contacts.vault import RECEIPT
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.providers.twilio.sender import TwilioSmsSender
from outage_notifier.receipts.flow.apply_receipts import apply_receipts
from outage_notifier.receipts.flow.resolve_unknown import LOOK_LEASE, PAUSE, resolve_unknown
from outage_notifier.receipts.room import LookUps, Receipts
from outage_notifier.receipts.store import receipt

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
"""The standing clock of these tests; the emulator's runs from here on."""

FIRST_LOOK_S = 90
BETWEEN = timedelta(seconds=90)
LOST = Outcome(OutcomeKind.UNKNOWN, "timeout")


@dataclass
class Scene:
    """A sender, an SMS provider, and look-ups."""

    world: Any
    send_all: Callable[..., Awaitable[None]]
    plan: Callable[[], Awaitable[None]]
    sms: Any

    async def notice(self, *numbers: str, useful: timedelta = timedelta(days=2), feeder: str = "FD1") -> UUID:
        """Plan a notice to new customers with one phone each, and send it."""
        for number in numbers:
            await self.world.customer(f"PB{number[-11:]}", feeder=feeder, phones=[number])
        outage_id = await self.world.outage(feeders=[feeder])
        notice_id = await self.world.notice(outage_id, useful_until=self.world.clock.now() + useful)
        await self.plan()
        await self.send_all(sms=self.sms)
        return notice_id

    async def look(self, *, after_s: float = FIRST_LOOK_S) -> int:
        """Let time pass, and look after what is due."""
        self.world.clock.move(seconds=after_s)
        world = self.world
        return await resolve_unknown(room=LookUps(world.db, world.clock, world.vault, self.sms, BETWEEN))

    async def rows(self, query: str, *values: object) -> list[Any]:
        async with self.world.db.read() as connection:
            return await connection.fetch(query, *values)

    async def delivery(self) -> Any:
        (row,) = await self.rows("SELECT * FROM delivery")
        return row

    async def attempt(self) -> Any:
        (row,) = await self.rows("SELECT * FROM attempt")
        return row


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
        deadline_s=0.5,
    )
    async with opened as sms:
        yield Scene(world, send, plan, sms)


@pytest.fixture
def in_memory(world, send, plan, clock) -> Scene:
    return Scene(world, send, plan, FakeSmsSender(clock))


def taken(emulator: Emulator, number: str) -> list[str]:
    return [line["sid"] for line in emulator.journal() if line["to"] == number]


@pytest.mark.parametrize("action", [{"hang": True}, {"http_status": 503, "accepted": True}])
async def test_a_message_that_was_created_is_found_and_bound(scene, running_twilio, action):
    """Hung or hidden behind an error: the first look finds it, and it is never sent again."""
    number = "+84911000001" if "hang" in action else "+84911000002"
    running_twilio.script([{"match": {"to": number}, "action": {**action, "callbacks": ["lost"]}}])
    notice_id = await scene.notice(number)
    assert await scene.world.books(notice_id) == {"unknown": 1}
    assert await scene.look() == 1
    assert set(await scene.world.books(notice_id)) <= {"accepted", "delivered"}
    assert [(await scene.attempt())["provider_message_id"]] == taken(running_twilio, number)
    assert await scene.look(after_s=3600) == 0


async def test_a_message_that_failed_meanwhile_is_found_with_its_reason(scene, running_twilio):
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


async def test_a_message_that_was_not_created_is_sent_again_after_two_looks(scene, running_twilio):
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


async def test_a_message_that_is_listed_late_is_found_by_the_second_look(scene, running_twilio):
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


async def test_a_provider_that_is_gone_leaves_it_unresolved_when_it_is_too_late(scene, running_twilio):
    """Failed looks prove nothing: asked again and again, then unresolved, never sent again."""
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


async def test_a_message_of_another_attempt_is_not_taken(in_memory):
    """The same text to the same phone: a bound message stays its own attempt's."""
    number = "+84911000007"
    first = await in_memory.notice(number)
    in_memory.sms.outcomes[number] = LOST
    outage_id = await in_memory.world.outage()
    second = await in_memory.world.notice(outage_id)
    await in_memory.plan()
    await in_memory.send_all(sms=in_memory.sms)
    assert len(in_memory.sms.sent) == 1
    await in_memory.look()
    await in_memory.look(after_s=BETWEEN.total_seconds())
    assert await in_memory.world.books(first) == {"accepted": 1}
    assert await in_memory.world.books(second) == {"retrying": 1}


async def test_two_lost_messages_are_bound_to_two_attempts(in_memory):
    """Two notices of the same text, both taken without an answer: each gets one of the messages."""
    number = "+84911000008"
    in_memory.sms.outcomes[number] = LOST
    in_memory.sms.taken_all_the_same = {number}
    first = await in_memory.notice(number)
    second = await in_memory.world.notice(await in_memory.world.outage())
    await in_memory.plan()
    await in_memory.send_all(sms=in_memory.sms)
    assert await in_memory.look() == 2
    assert await in_memory.world.books(first, second) == {"accepted": 2}
    bound = await in_memory.rows("SELECT provider_message_id FROM attempt")
    assert {row[0] for row in bound} == {sent.message_id for sent in in_memory.sms.sent}


async def test_a_message_that_a_receipt_gives_to_another_attempt_is_not_taken(in_memory):
    """A callback that is not applied yet is believed already."""
    number = "+84911000009"
    in_memory.sms.outcomes[number] = LOST
    in_memory.sms.taken_all_the_same = {number}
    notice_id = await in_memory.notice(number)
    (sent,) = in_memory.sms.sent
    other = sent.callback_ref.rpartition(".")[0] + ".77"
    await tell(in_memory, sent.message_id, ref=other)
    await in_memory.look()
    assert await in_memory.world.books(notice_id) == {"unknown": 1}
    assert (await in_memory.attempt())["provider_message_id"] is None


async def test_a_callback_that_came_first_leaves_nothing_to_look_up(in_memory):
    """What a receipt raised is not asked for."""
    number = "+84911000010"
    in_memory.sms.outcomes[number] = LOST
    in_memory.sms.taken_all_the_same = {number}
    await in_memory.notice(number)
    (sent,) = in_memory.sms.sent
    await tell(in_memory, sent.message_id, ref=sent.callback_ref)
    await apply(in_memory)
    assert await in_memory.look() == 0
    assert in_memory.sms.looks == 0


async def test_a_receipt_that_comes_in_mid_look_wins(in_memory):
    """The look's record finds the delivery raised and leaves it."""
    number = "+84911000011"
    in_memory.sms.outcomes[number] = LOST
    notice_id = await in_memory.notice(number)
    row = await in_memory.attempt()
    look = in_memory.sms.recent

    async def told_meanwhile(to: str):
        await tell(in_memory, "SM9", ref=f"{row['batch_id']}.{row['place']}.{row['try']}")
        await apply(in_memory)
        return await look(to)

    in_memory.sms.recent = told_meanwhile
    await in_memory.look()
    assert await in_memory.world.books(notice_id) == {"delivered": 1}


async def test_two_workers_make_one_look(in_memory):
    """The second finds nothing due: a look is claimed before it is made."""
    in_memory.sms.outcomes["+84911000012"] = LOST
    await in_memory.notice("+84911000012")
    in_memory.world.clock.move(seconds=FIRST_LOOK_S)
    looked = await asyncio.gather(*(in_memory.look(after_s=0) for _ in range(3)))
    assert sorted(looked) == [0, 0, 1]
    assert (in_memory.sms.looks, (await in_memory.delivery())["looks"]) == (1, 1)


async def test_a_look_that_outlived_its_claim_records_nothing(in_memory):
    """Two looks within a moment must not count as two looks minutes apart."""
    in_memory.sms.outcomes["+84911000013"] = LOST
    await in_memory.notice("+84911000013")
    look = in_memory.sms.recent

    async def slow(to: str):
        in_memory.sms.recent = look
        await in_memory.look(after_s=LOOK_LEASE.total_seconds())
        return await look(to)

    in_memory.sms.recent = slow
    await in_memory.look()
    assert (in_memory.sms.looks, (await in_memory.delivery())["looks"]) == (2, 1)


async def test_what_is_of_no_use_any_more_expires(in_memory):
    """Two looks agree that it is not there, too late to send it."""
    in_memory.sms.outcomes["+84911000014"] = LOST
    notice_id = await in_memory.notice("+84911000014", useful=timedelta(seconds=120))
    await in_memory.look()
    await in_memory.look(after_s=BETWEEN.total_seconds())
    assert await in_memory.world.books(notice_id) == {"expired": 1}


async def test_a_phone_that_was_removed_cannot_be_asked_for(in_memory):
    """Without a number there is no look: unknown, then unresolved."""
    in_memory.sms.outcomes["+84911000015"] = LOST
    notice_id = await in_memory.notice("+84911000015", useful=timedelta(seconds=100))
    async with in_memory.world.db.transaction() as tx:
        await tx.execute("DELETE FROM phone")
    await in_memory.look()
    assert await in_memory.world.books(notice_id) == {"unknown": 1}
    await in_memory.look(after_s=10)
    assert await in_memory.world.books(notice_id) == {"unresolved": 1}
    assert in_memory.sms.looks == 0


@pytest.mark.parametrize(("useful_s", "state"), [(3600, "awaiting"), (120, "accepted")])
async def test_a_push_that_was_accepted_before_keeps_it_told(in_memory, useful_s, state):
    """An SMS that follows an accepted push: not created is no failure of the delivery."""
    in_memory.sms.outcomes["+84911000016"] = LOST
    notice_id = await in_memory.notice("+84911000016", useful=timedelta(seconds=useful_s))
    async with in_memory.world.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO batch (batch_id, notice_id, home, channel, lane, members, size, state) SELECT gen_random_uuid(),"
            " notice_id, false, channel, lane, jsonb_set(members, '{0,8}', 'true'), size, 'settled' FROM batch"
        )
        await tx.execute("UPDATE attempt SET batch_id = (SELECT batch_id FROM batch WHERE NOT home)")
    await in_memory.look()
    await in_memory.look(after_s=BETWEEN.total_seconds())
    assert await in_memory.world.books(notice_id) == {state: 1}


async def tell(scene: Scene, message_id: str, *, ref: str) -> None:
    """Store a callback: delivered."""
    async with scene.world.db.transaction() as tx:
        await receipt.add(
            tx,
            source="twilio",
            key=receipt.dedup_key(message_id, "delivered"),
            attempt_name=ref,
            body_sealed=scene.world.vault.seal(f"MessageSid={message_id}&MessageStatus=delivered".encode(), RECEIPT),
            now=scene.world.clock.now(),
        )


async def apply(scene: Scene) -> None:
    await apply_receipts(room=Receipts(scene.world.db, scene.world.clock, scene.world.vault))
