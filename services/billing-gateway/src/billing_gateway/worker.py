"""The worker's loops: each repeats one use case, when there is work for it or on an interval."""

from functools import partial

from billing_gateway.callbacks.flow.ask_providers import PAYMENTS_DUE, ask_about_due_payments
from billing_gateway.callbacks.flow.handle_provider_event import EVENTS_WAITING, handle_waiting_events
from billing_gateway.wiring import WorkerRooms
from gridcare.postgres.look import Work, repeat_work
from gridcare.postgres.poison.guard import COUNT_INTERVAL_S, count_parked
from gridcare.postgres.retention import retention_loops, shared_steps
from gridcare.process.lifecycle import Lifecycle, repeat_all, run_together


async def work(rooms: WorkerRooms, lifecycle: Lifecycle) -> None:
    """Do what falls due until told to stop. The api handles a callback itself; this takes up those that it had to leave."""
    inquiries = rooms.inquiries
    due = {
        "handle_waiting_events": Work(partial(handle_waiting_events, room=inquiries), EVENTS_WAITING),
        "ask_about_due_payments": Work(partial(ask_about_due_payments, room=inquiries), PAYMENTS_DUE),
    }
    await run_together(
        lifecycle,
        repeat_work(lifecycle, inquiries.db, inquiries.clock, due),
        repeat_all(
            lifecycle,
            ("count_parked", COUNT_INTERVAL_S, partial(count_parked, inquiries.db)),
            *retention_loops(shared_steps(inquiries.db, inquiries.clock)),
        ),
    )
