"""Fixtures for the tests of the Kafka runtime."""

import secrets
from collections.abc import AsyncIterator

import pytest

from gridcare.kafka.brokers import Brokers
from gridcare.kafka.produce import Producer


@pytest.fixture
async def producer(brokers: Brokers) -> AsyncIterator[Producer]:
    """Return a producer for the session's broker."""
    async with Producer(brokers, client_id="tests") as opened:
        yield opened


@pytest.fixture
def group() -> str:
    """Return the name of a consumer group that no other test uses."""
    return f"group-{secrets.token_hex(6)}"
