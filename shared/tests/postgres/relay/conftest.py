"""Relays that run for the duration of a test."""

import asyncio

import pytest

from gridcare.postgres.relay.run import run_relay
from gridcare.process.lifecycle import Lifecycle


@pytest.fixture
def relaying(database_url):
    """Return a function that runs a relay as a task, which ends with the test."""
    running: list[tuple[Lifecycle, asyncio.Task[None]]] = []

    def start(publisher) -> Lifecycle:
        lifecycle = Lifecycle()
        work = run_relay(
            lifecycle,
            database_url=database_url,
            application_name="relay test",
            producer=publisher,
            balance_interval_s=0.1,
        )
        running.append((lifecycle, asyncio.create_task(work)))
        return lifecycle

    start.running = running
    return start


@pytest.fixture(autouse=True)
async def _stop(relaying):
    yield
    for lifecycle, task in relaying.running:
        lifecycle.stop()
        await task
