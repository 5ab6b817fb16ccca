"""What the worker does: callbacks that nobody worked on yet, attempts whose time passed, old answers."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from billing_gateway.callbacks.flow.handle_provider_event import handle_waiting_events
from billing_gateway.callbacks.flow.take_callback import take_callback
from billing_gateway.worker import work
from gridcare.postgres.retention import forget_expired
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.waiting import eventually


async def test_the_worker_does_what_the_api_left(gateway: Any) -> None:
    """A callback stored by an api that died is worked on, and an attempt expires, without anybody asking."""
    paid, left = await gateway.begin(await gateway.bill()), await gateway.begin(await gateway.bill())
    taken = await take_callback(gateway.services.desk, "vnpay", gateway.word(paid).encode())
    assert taken.provider_event_id is not None
    gateway.clock.advance(timedelta(hours=1))
    lifecycle = Lifecycle()
    running = asyncio.create_task(work(gateway.services, lifecycle))

    async def done() -> bool:
        states = [(await gateway.read("payment", begun))["state"] for begun in (paid, left)]
        return states == ["succeeded", "expired"]

    try:
        await eventually(done, what="the payment succeeded and the other attempt expired")
    finally:
        lifecycle.stop()
        await running


async def test_two_workers_work_once(gateway: Any) -> None:
    """Many rounds at once over the same waiting callbacks move each one's money once."""
    for _ in range(5):
        word = gateway.word(await gateway.begin(await gateway.bill()))
        await take_callback(gateway.services.desk, "vnpay", word.encode())
    await asyncio.gather(*(handle_waiting_events(gateway.services.desk) for _ in range(4)))
    assert len(await gateway.rows("SELECT 1 FROM ledger_transaction WHERE kind = 'payment_recorded'")) == 5
    assert await gateway.rows("SELECT 1 FROM provider_event WHERE handled_at IS NULL") == []


async def test_one_message_that_meets_a_bug_does_not_hold_up_the_others(gateway: Any) -> None:
    """The rest is worked on, then the bug is raised: the process dies and is restarted, the money is there."""
    async with gateway.services.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO provider_event (provider_event_id, provider, order_reference, transaction_number, response_code,"
            " transaction_status, raw, received_at) VALUES ($1, 'momo', 'R', '1', '0', '', '{}', $2)",
            uuid4(),
            gateway.clock.now() - timedelta(days=1),
        )
    word = gateway.word(await gateway.begin(await gateway.bill()))
    await take_callback(gateway.services.desk, "vnpay", word.encode())
    with pytest.raises(KeyError):
        await handle_waiting_events(gateway.services.desk)
    outcomes = await gateway.rows("SELECT provider, outcome FROM provider_event ORDER BY provider")
    assert outcomes == [{"provider": "momo", "outcome": None}, {"provider": "vnpay", "outcome": "recorded"}]


async def test_old_answers_are_forgotten_and_money_is_not(gateway: Any) -> None:
    """After eight days a key is free again; bills and the ledger stay."""
    await gateway.bill()
    gateway.clock.advance(timedelta(days=8))
    await forget_expired(gateway.services.db, gateway.clock)
    assert await gateway.rows("SELECT 1 FROM idempotency") == []
    assert len(await gateway.rows("SELECT 1 FROM entry")) == 2
