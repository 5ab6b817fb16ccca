"""The worker's loops: each repeats one use case, when there is work for it or on an interval."""

from functools import partial

from billing_gateway.callbacks.flow.handle_provider_event import EVENTS_WAITING, handle_waiting_events
from billing_gateway.payments.flow.expire_payments import PAYMENTS_EXPIRED, expire_payments
from billing_gateway.wiring import WorkerRooms
from gridcare.postgres.look import Work, repeat_work
from gridcare.postgres.poison.guard import COUNT_INTERVAL_S, count_parked
from gridcare.postgres.retention import RETENTION_INTERVAL_S, forget_expired
from gridcare.process.lifecycle import Lifecycle, repeat_all, run_together


async def work(rooms: WorkerRooms, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop. The api handles a callback itself; this takes up those that it had to leave."""
    expiry = rooms.expiry
    due = {
        "handle_waiting_events": Work(partial(handle_waiting_events, room=rooms.callbacks), EVENTS_WAITING),
        "expire_payments": Work(partial(expire_payments, room=expiry), PAYMENTS_EXPIRED),
    }
    await run_together(
        lifecycle,
        repeat_work(lifecycle, expiry.db, expiry.clock, due),
        repeat_all(
            lifecycle,
            ("count_parked", COUNT_INTERVAL_S, partial(count_parked, expiry.db)),
            ("forget_expired", RETENTION_INTERVAL_S, partial(forget_expired, expiry.db, expiry.clock)),
        ),
    )
