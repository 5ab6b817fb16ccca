"""Receipts over a real database: any order, any number of times, before the call's own answer too."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outage_notifier_testing.fake_sms import FakeSmsSender, SentSms
from outage_notifier_testing.look_ups import callbacks

from outage_notifier.contacts.vault import RECEIPT
from outage_notifier.receipts.core.receipt import GIVEN_UP_AFTER
from outage_notifier.receipts.flow.apply_receipts import apply_receipts
from outage_notifier.receipts.store import receipt

PHONE = "+84901000000"


@dataclass
class Scene:
    """A sender, its provider in memory, and the door of its callbacks."""

    world: Any
    sms: FakeSmsSender
    send: Callable[[], Awaitable[None]]
    plan: Callable[[], Awaitable[None]]

    async def tell(self, message_id: str, status: str, *, ref: str | None = None, code: str = "") -> bool:
        """Store a status callback as its door does."""
        form = {"MessageSid": message_id, "MessageStatus": status} | ({"ErrorCode": code} if code else {})
        key = receipt.dedup_key(message_id, status)
        sealed, now = self.world.vault.seal(urlencode(form).encode(), RECEIPT, row=key), self.world.clock.now()
        async with self.world.db.transaction() as tx:
            return await receipt.add(tx, source="twilio", key=key, attempt_name=ref, body_sealed=sealed, now=now)

    async def apply(self) -> int:
        """Apply what is due."""
        return await apply_receipts(room=callbacks(self.world))

    async def customers(self, *numbers: str) -> UUID:
        """Plan a notice to customers with one phone each."""
        feeder = f"FD-{numbers[0]}"
        for number in numbers:
            await self.world.customer(f"PB{number}", feeder=feeder, phones=[number])
        notice_id = await self.world.notice(await self.world.outage(feeders=[feeder]))
        await self.plan()
        return notice_id

    @property
    def sent(self) -> SentSms:
        """The first message; its `callback_ref` names its attempt as its callback's address does."""
        return self.sms.sent[0]

    async def tell_of_sent(self, status: str, *, code: str = "") -> bool:
        """Store a status callback of the first message."""
        return await self.tell(self.sent.message_id, status, ref=self.sent.callback_ref, code=code)

    async def rows(self, query: str) -> list[Any]:
        async with self.world.db.read() as connection:
            return await connection.fetch(query)

    async def attempts(self) -> list[Any]:
        return await self.rows("SELECT * FROM attempt ORDER BY place")

    async def results(self) -> list[str | None]:
        return [row[0] for row in await self.rows("SELECT result FROM receipt ORDER BY receipt_id")]


@pytest.fixture
def scene(world, fake_sms, send, plan) -> Scene:
    """Return a scene in which nobody is a customer yet."""
    return Scene(world, fake_sms, send, plan)


@pytest.fixture
async def one(scene) -> UUID:
    """Plan a notice to one customer with one phone."""
    return await scene.customers(PHONE)


async def test_delivered_moves_the_counts(scene, one):
    """Accepted becomes delivered, and the books still balance."""
    await scene.send()
    await scene.tell_of_sent("delivered")
    assert await scene.apply() == 1
    assert await scene.world.books(one) == {"delivered": 1}
    assert await scene.results() == ["raised"]
    assert await scene.apply() == 0


async def test_known_by_its_message(scene, one):
    """The message id that the call's answer gave is enough."""
    await scene.send()
    (row,) = await scene.attempts()
    await scene.tell(row["provider_message_id"], "delivered")
    await scene.apply()
    assert await scene.world.books(one) == {"delivered": 1}


async def test_failure_keeps_its_reason(scene, one):
    """The provider's code is the delivery's reason."""
    await scene.send()
    await scene.tell_of_sent("undelivered", code="30007")
    await scene.apply()
    assert await scene.world.books(one) == {"failed": 1}
    async with scene.world.db.read() as connection:
        assert await connection.fetchval("SELECT reason FROM delivery") == "30007"


@pytest.mark.parametrize(
    ("code", "bad", "opted_out"),
    [("21610", None, True), ("30005", "30005", False), ("30006", "30006", False), ("30003", None, False)],
)
async def test_phone_is_marked(scene, one, code, bad, opted_out):
    """Opted out and unreachable for good are the phone's; a handset that is off is not."""
    await scene.send()
    await scene.tell_of_sent("failed", code=code)
    await scene.apply()
    async with scene.world.db.read() as connection:
        phone = await connection.fetchrow("SELECT bad_reason, opted_out_at IS NOT NULL AS out FROM phone")
    assert (phone["bad_reason"], phone["out"]) == (bad, opted_out)


async def test_callback_resolves_unknown(scene, one):
    """The message is bound to the attempt, and nothing is tried again."""
    scene.sms.lose_answers(PHONE)
    await scene.send()
    assert await scene.world.books(one) == {"unknown": 1}
    await scene.tell_of_sent("sent")
    await scene.apply()
    assert await scene.world.books(one) == {"accepted": 1}
    (row,) = await scene.attempts()
    assert (row["outcome"], row["provider_message_id"]) == ("unknown", scene.sent.message_id)
    async with scene.world.db.read() as connection:
        assert await connection.fetchval("SELECT next_attempt_at FROM delivery") is None


async def test_receipt_before_the_answer(scene, one):
    """Applied in mid-call, it completes the attempt at once and raises the delivery as soon as there is one."""

    async def told_early():
        (row,) = await scene.attempts()
        await scene.tell("M9", "delivered", ref=f"{row['batch_id']}.{row['place']}.{row['try']}")
        assert await scene.apply() == 1
        (row,) = await scene.attempts()
        assert (row["outcome"], row["provider_message_id"]) == ("accepted", "M9")

    scene.sms.meanwhile = told_early
    await scene.send()
    assert await scene.world.books(one) == {"accepted": 1}
    assert await scene.apply() == 0
    scene.world.clock.move(seconds=2)
    assert await scene.apply() == 1
    assert await scene.world.books(one) == {"delivered": 1}


async def test_early_receipt_beats_silence(scene, one):
    """The callback came, the answer did not: delivered, not unknown."""

    async def told_early():
        (row,) = await scene.attempts()
        await scene.tell("M9", "delivered", ref=f"{row['batch_id']}.{row['place']}.{row['try']}")
        await scene.apply()

    scene.sms.meanwhile = told_early
    scene.sms.lose_answers(PHONE)
    await scene.send()
    scene.world.clock.move(seconds=2)
    await scene.apply()
    assert await scene.world.books(one) == {"delivered": 1}


async def test_stray_holds_up_nobody(scene, one):
    """One that fits nothing is put off, longer and longer, and given up after a week."""
    await scene.send()
    await scene.tell("STRAY", "delivered", ref="0192f0c1-2345-7000-8000-000000000001.0.1")
    await scene.tell_of_sent("delivered")
    assert await scene.apply() == 2
    assert await scene.results() == [None, "raised"]
    assert await scene.apply() == 0
    scene.world.clock.move(seconds=GIVEN_UP_AFTER.total_seconds())
    assert await scene.apply() == 1
    assert await scene.results() == ["unmatched", "raised"]


async def test_unopened_receipt_waits(scene, one):
    """A body that no key opens is counted and waits for its key; the receipts beside it are applied."""
    await scene.send()
    await scene.tell_of_sent("read_by_nobody")
    async with scene.world.db.transaction() as tx:
        at = scene.world.clock.now()
        await receipt.add(tx, source="twilio", key="x", attempt_name=None, body_sealed=b"\x02t1broken", now=at)
    assert [await scene.apply(), await scene.apply()] == [2, 0]
    assert await scene.results() == ["unknown-status", None]
    assert await scene.world.rows("SELECT kind, error_class FROM poison") == [("receipt", "Unsealable")]
    assert await scene.world.books(one) == {"accepted": 1}


async def test_address_beats_look_up(scene, one):
    """A message that was bound to another attempt is taken from it."""
    scene.sms.lose_answers(PHONE)
    await scene.send()
    async with scene.world.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO attempt (batch_id, place, try, notice_id, recipient_id, channel, contact_id, started_at, ended_at,"
            " outcome, provider_message_id) SELECT batch_id, 99, try, notice_id, recipient_id, channel, contact_id,"
            " started_at, started_at, 'unknown', 'M5' FROM attempt"
        )
    await scene.tell("M5", "sent", ref=scene.sent.callback_ref)
    await scene.apply()
    bound = {row["place"]: row["provider_message_id"] for row in await scene.attempts()}
    assert bound == {0: "M5", 99: None}


STATUSES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["queued", "sent", "undelivered", "delivered"])), max_size=12
)
RANK = {"queued": 1, "sent": 1, "undelivered": 2, "delivered": 3}
serial = count(1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=STATUSES, cuts=st.lists(st.integers(0, 12), max_size=3), lost=st.booleans())
async def test_any_receipts_balance(scene, told, cuts, lost):
    """Three messages, statuses in any order and any number of times, applied in any portions: the highest rank wins."""
    numbers = [f"+84902{next(serial):06}" for _ in range(3)]
    scene.sms.lose_answers(*(numbers if lost else ()))
    notice_id = await scene.customers(*numbers)
    await scene.send()
    sent = {each.to: each for each in scene.sms.sent}
    for at, (which, status) in enumerate(told):
        message = sent[numbers[which]]
        await scene.tell(message.message_id, status, ref=message.callback_ref)
        if at in cuts:
            await scene.apply()
    await scene.apply()
    names = {0: "unknown" if lost else "accepted", 1: "accepted", 2: "failed", 3: "delivered"}
    highest = [max((RANK[status] for at, status in told if at == which), default=0) for which in range(3)]
    assert await scene.world.books(notice_id) == Counter(names[rank] for rank in highest)
