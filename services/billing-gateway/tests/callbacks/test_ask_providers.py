"""Payments whose callback was lost: VNPay is asked before they expire, and its answer is booked like a callback."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest

from billing_gateway.callbacks.command_ask import ask_command
from billing_gateway.callbacks.flow.ask_providers import ask_about_due_payments
from gridcare.postgres import token_buckets
from gridcare.testing.metrics import sample
from gridcare.testing.waiting import eventually
from gridcare_local.emulators.control import Emulator
from gridcare_local.emulators.vnpay.payer import SUCCESS, PlayedPayment, signature


async def pay(gateway: Any, vnpay: Emulator, played: PlayedPayment | None = None, **body: Any) -> dict[str, Any]:
    """Begin a payment and pay it; the callback is lost. Return the begun payment, its time just over, and the lost query."""
    begun: dict[str, Any] = await gateway.begin(await gateway.bill(), **body)
    begun["query"] = gateway.callback(begun, played or SUCCESS)
    if played is not None:
        await tell(vnpay, begun, begun["query"])
    gateway.clock.move(minutes=15)
    return begun


async def tell(vnpay: Emulator, begun: Mapping[str, Any], query: str) -> None:
    """Let VNPay know of a payment, by the query of its callback."""
    paid = {"query": query, "created": httpx.URL(begun["pay_url"]).params["vnp_CreateDate"]}
    await asyncio.to_thread(vnpay.request, "POST", "/_emulator/payments", paid)


async def ask(gateway: Any) -> int:
    return await ask_about_due_payments(room=gateway.working.inquiries)


async def state(gateway: Any, begun: Mapping[str, Any]) -> str:
    return str((await gateway.read("payment", begun))["state"])


def questions(vnpay: Emulator, begun: Mapping[str, Any]) -> int:
    """Return how often VNPay was asked about a payment."""
    return sum(line["order_reference"] == begun["order_reference"] for line in vnpay.journal("query"))


async def money(gateway: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await gateway.rows(
        "SELECT kind, reason, (SELECT max(amount_vnd) FROM entry e WHERE e.transaction_id = t.transaction_id) AS vnd"
        " FROM ledger_transaction t WHERE provider IS NOT NULL"
    )
    return rows


async def test_a_lost_callback_is_found(gateway: Any, vnpay: Emulator, outbox: Any) -> None:
    """Money whose callback was lost is booked, once, with its receipt; the late callback is then a repeat."""
    begun = await pay(gateway, vnpay, PlayedPayment())
    assert await ask(gateway) == 1
    assert await state(gateway, begun) == "succeeded"
    assert await gateway.call_back(begun["query"]) == "02"
    assert await money(gateway) == [{"kind": "payment_recorded", "reason": None, "vnd": 896_125}]
    assert [event.type for event in await outbox()].count("gridcare.PaymentRecorded") == 1
    assert await gateway.rows("SELECT outcome FROM provider_event") == [{"outcome": "recorded"}]
    assert await ask(gateway) == 0


async def test_a_callback_wins_the_race(gateway: Any, vnpay: Emulator) -> None:
    """A callback and the answer at the same time book the money once."""
    begun = await pay(gateway, vnpay, PlayedPayment())
    codes = await asyncio.gather(ask(gateway), gateway.call_back(begun["query"]))
    assert codes[1] in {"00", "02"}
    assert await state(gateway, begun) == "succeeded"
    assert len(await money(gateway)) == 1


@pytest.mark.parametrize(
    ("played", "became", "booked"),
    [
        (PlayedPayment(response_code="07"), "held", "suspected_fraud"),
        (PlayedPayment(transaction_status="07"), "held", "suspected_fraud"),
        (PlayedPayment(amount_off_by_vnd=1_000), "held", "wrong_amount"),
        (PlayedPayment(amount_off_by_vnd=-1_000), "held", "wrong_amount"),
        (PlayedPayment(response_code="24"), "failed", None),
        (PlayedPayment(response_code="51", transaction_status="02"), "failed", None),
        (PlayedPayment(response_code="24", amount_off_by_vnd=1_000), "expired", None),
        (PlayedPayment(response_code="24", transaction_status="01"), "expired", None),
        (None, "expired", None),
    ],
)
async def test_answers_become_states(
    gateway: Any, vnpay: Emulator, played: PlayedPayment | None, became: str, booked: str | None
) -> None:
    """Suspected and wrong money is in suspense, a failure has failed, what VNPay knows nothing of expires."""
    begun = await pay(gateway, vnpay, played)
    await ask(gateway)
    assert await state(gateway, begun) == became
    assert [row["reason"] for row in await money(gateway)] == ([booked] if booked else [])
    assert questions(vnpay, begun) == 1


async def test_nobody_is_asked_early(gateway: Any, vnpay: Emulator) -> None:
    """A payment whose time is not over, or that has its result, is not asked about."""
    waiting = await gateway.begin(await gateway.bill())
    settled = await gateway.begin(await gateway.bill())
    await gateway.call_back(gateway.callback(settled))
    gateway.clock.move(minutes=14)
    assert await ask(gateway) == 0
    assert questions(vnpay, waiting) == questions(vnpay, settled) == 0


@pytest.mark.parametrize(
    "action",
    [
        {"response_code": "94"},
        {"response_code": "97"},
        {"response_code": "99"},
        {"http_status": 503},
        {"bad_signature": True},
        {"transaction_status": "06"},
    ],
)
async def test_no_answer_is_no_end(gateway: Any, vnpay: Emulator, action: dict[str, Any]) -> None:
    """Without a definite answer a payment stays as it is and is asked about again after a pause: the money is found then."""
    vnpay.script([{"match": {}, "action": action, "times": 1}])
    begun = await pay(gateway, vnpay, PlayedPayment())
    assert await ask(gateway) == 1
    assert await state(gateway, begun) == "begun"
    gateway.clock.move(seconds=359)
    assert await ask(gateway) == 0
    gateway.clock.move(seconds=1)
    assert await ask(gateway) == 1
    assert await state(gateway, begun) == "succeeded"


@pytest.mark.parametrize(
    ("played", "unread", "became"),
    [
        (PlayedPayment(response_code="24"), {"vnp_TransactionNo": "none"}, "failed"),
        (PlayedPayment(), {"vnp_Amount": "89612501"}, "succeeded"),
    ],
)
async def test_an_unreadable_answer_is_none(
    gateway: Any, vnpay: Emulator, played: PlayedPayment, unread: dict[str, str], *, became: str
) -> None:
    """An answer that makes no sense is no answer: it is asked for again until the patience ends, and hides no callback."""
    begun = await gateway.begin(await gateway.bill())
    good = gateway.callback(begun, played)
    fields = dict(httpx.QueryParams(good).remove("vnp_SecureHash")) | unread
    await tell(vnpay, begun, urlencode({**fields, "vnp_SecureHash": signature("TESTSECRET", fields)}))
    gateway.clock.move(minutes=15)
    assert await ask(gateway) == 1
    assert await state(gateway, begun) == "begun"
    gateway.clock.move(hours=24)
    assert await ask(gateway) == 1
    assert await state(gateway, begun) == "expired"
    assert await gateway.call_back(good) == "00"
    assert await state(gateway, begun) == became


async def test_pauses_grow_to_an_end(gateway: Any, vnpay: Emulator) -> None:
    """Pauses double up to an hour; after the last question within a day the payment expires, and ops is told."""
    vnpay.script([{"match": {}, "action": {"response_code": "99"}}])
    begun = await pay(gateway, vnpay)
    before = sample("payments_unanswered_total", provider="vnpay")
    over = gateway.clock.now()
    asked_after_min = []
    while await ask(gateway):
        asked_after_min.append((gateway.clock.now() - over) / timedelta(minutes=1))
        (row,) = await gateway.rows("SELECT ask_at FROM payment")
        gateway.clock.move(seconds=(row["ask_at"] - gateway.clock.now()).total_seconds())
        async with gateway.db.transaction() as tx:
            await tx.execute("DELETE FROM token_bucket")  # its clock is the database's
    assert asked_after_min[:6] == [0, 6, 18, 42, 90, 150]
    assert asked_after_min[-1] <= 24 * 60 < asked_after_min[-1] + 60
    assert await state(gateway, begun) == "expired"
    assert sample("payments_unanswered_total", provider="vnpay") == before + 1


async def test_late_money_still_counts(gateway: Any, vnpay: Emulator) -> None:
    """A payment that expired because VNPay knew of none takes a later callback."""
    begun = await pay(gateway, vnpay)
    await ask(gateway)
    assert await state(gateway, begun) == "expired"
    assert await gateway.call_back(begun["query"]) == "00"
    assert await state(gateway, begun) == "succeeded"


async def test_workers_ask_once(gateway: Any, vnpay: Emulator) -> None:
    """Many workers at once ask about each payment once, and book its money once."""
    begun = [await gateway.begin(await gateway.bill()) for _ in range(4)]
    for each in begun:
        await tell(vnpay, each, gateway.callback(each))
    gateway.clock.move(minutes=15)
    assert sum(await asyncio.gather(*(ask(gateway) for _ in range(5)))) == 4
    assert [questions(vnpay, each) for each in begun] == [1, 1, 1, 1]
    assert len(await money(gateway)) == 4


async def test_a_dead_worker_loses_nothing(gateway: Any, vnpay: Emulator) -> None:
    """A worker that dies after the answer and before the record has moved the next question ahead: it is asked again then."""
    begun = await pay(gateway, vnpay, PlayedPayment())
    vnpay.script([{"match": {}, "action": {"latency_s": 5}, "times": 1}])
    dying = asyncio.create_task(ask(gateway))

    async def answered() -> bool:
        return questions(vnpay, begun) == 1

    await eventually(answered, what="VNPay was asked")
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await ask(gateway) == 0
    gateway.clock.move(minutes=6)
    assert await ask(gateway) == 1
    assert await state(gateway, begun) == "succeeded"


async def test_the_rate_is_shared(gateway: Any, vnpay: Emulator) -> None:
    """All workers together ask no faster than the rate: what is beyond it waits, and is neither asked about nor expired."""
    begun = [await gateway.begin(await gateway.bill()) for _ in range(14)]
    gateway.clock.move(minutes=15)
    asked = sum(await asyncio.gather(ask(gateway), ask(gateway)))
    assert 10 <= asked < 14
    assert [await state(gateway, each) for each in begun].count("begun") == 14 - asked


async def test_tokens_come_back(gateway: Any) -> None:
    """A bucket with room for two gives two at once, then none until its rate brings one back."""
    async with gateway.db.transaction() as tx:
        taken = [await token_buckets.take(tx, "b", "s", per_hour=3600, burst=2) for _ in range(3)]
        await tx.execute("UPDATE token_bucket SET full_at = full_at - interval '1 second'")
    async with gateway.db.transaction() as tx:
        assert await token_buckets.take(tx, "b", "s", per_hour=3600, burst=2)
    assert taken == [True, True, False]


async def test_a_person_may_ask(gateway: Any, vnpay: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """The command asks about an expired payment, books what is reported, and says what became of it."""
    begun = await pay(gateway, vnpay)
    await ask(gateway)
    await tell(vnpay, begun, begun["query"])
    room = gateway.working.inquiries
    assert await ask_command([begun["order_reference"]], room=room) == 0
    assert capsys.readouterr().out.endswith(" vnpay: reported (status-00); succeeded\n")
    assert await ask_command([str(UUID(int=5))], room=room) == 1
    assert await ask_command(["everything"], room=room) == 2
