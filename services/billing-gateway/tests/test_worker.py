"""What the worker does: events that wait, payments whose time has passed, old results."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from billing_gateway.callbacks.flow.handle_provider_event import handle_waiting_events
from billing_gateway.callbacks.flow.store_callback import StoreCallback, StoredCallback, store_callback
from billing_gateway.worker import work
from gridcare.postgres.retention import shared_steps
from gridcare.process.lifecycle import Lifecycle
from gridcare.testing.waiting import eventually


async def _store(gateway: Any, begun: dict[str, Any]) -> StoredCallback:
    """Store VNPay's callback about a payment, and leave it unhandled."""
    command = StoreCallback(provider="vnpay", raw=gateway.callback(begun).encode())
    return await store_callback(command, room=gateway.rooms.callbacks)


@pytest.mark.usefixtures("vnpay")
async def test_the_worker_takes_over(gateway: Any) -> None:
    """The worker handles a callback that an api stored before it died, and expires a payment that VNPay does not know."""
    paid, left = await gateway.begin(await gateway.bill()), await gateway.begin(await gateway.bill())
    stored = await _store(gateway, paid)
    assert stored.provider_event_id is not None
    gateway.clock.move(hours=1)
    lifecycle = Lifecycle()
    running = asyncio.create_task(work(gateway.working, lifecycle))

    async def done() -> bool:
        states = [(await gateway.read("payment", begun))["state"] for begun in (paid, left)]
        return states == ["succeeded", "expired"]

    try:
        await eventually(done, what="one payment succeeded and the other expired")
    finally:
        lifecycle.stop()
        await running


async def test_many_workers_work_once(gateway: Any) -> None:
    """Many workers at once over the same waiting events move each one's money once."""
    for _ in range(5):
        await _store(gateway, await gateway.begin(await gateway.bill()))
    await asyncio.gather(*(handle_waiting_events(room=gateway.rooms.callbacks) for _ in range(4)))
    assert len(await gateway.rows("SELECT 1 FROM ledger_transaction WHERE kind = 'payment_recorded'")) == 5
    assert await gateway.rows("SELECT 1 FROM provider_event WHERE handled_at IS NULL") == []


async def test_a_bug_is_parked(gateway: Any) -> None:
    """An event that always raises is parked after five tries; the others are handled."""
    async with gateway.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO provider_event (provider_event_id, provider, order_reference, transaction_number, response_code,"
            " transaction_status, raw, received_at) VALUES ($1, 'momo', 'R', '1', '0', '', '{}', $2)",
            uuid4(),
            gateway.clock.now() - timedelta(days=1),
        )
    await _store(gateway, await gateway.begin(await gateway.bill()))
    rounds = 0
    while await handle_waiting_events(room=gateway.rooms.callbacks):
        rounds += 1
        async with gateway.db.transaction() as tx:
            await tx.execute("UPDATE poison SET retry_at = now()")
    assert rounds == 5
    assert await gateway.rows("SELECT kind, tries FROM poison WHERE parked_at IS NOT NULL") == [
        {"kind": "provider-event", "tries": 5}
    ]
    outcomes = await gateway.rows("SELECT provider, outcome FROM provider_event ORDER BY provider")
    assert outcomes == [{"provider": "momo", "outcome": None}, {"provider": "vnpay", "outcome": "recorded"}]


async def test_money_is_never_forgotten(gateway: Any) -> None:
    """After eight days the results of old requests are deleted; the ledger stays."""
    await gateway.bill()
    gateway.clock.move(days=8)
    await shared_steps(gateway.db, gateway.clock)["forget_answers"]()
    assert await gateway.rows("SELECT 1 FROM idempotency") == []
    assert len(await gateway.rows("SELECT 1 FROM entry")) == 2
