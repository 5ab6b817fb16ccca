"""Planners are woken by the transaction that makes notices: none of them waits for their next look."""

import asyncio

import pytest

from gridcare.postgres import wake
from outage_notifier.ledger.core.notice import NOTICES_MADE


@pytest.fixture
async def heard(database_url):
    """Yield an event that is set when planners are woken."""
    async with wake.listening(database_url, NOTICES_MADE, application_name="tests") as event:
        await asyncio.wait_for(event.wait(), 10)
        event.clear()
        yield event


async def test_publishing_wakes_planners(world, api, heard):
    """A published outage is planned at once."""
    await world.customer("PB11010000001", phones=["+84901000001"])
    await api.draft()
    assert not heard.is_set()
    await api.published()
    await asyncio.wait_for(heard.wait(), 10)
