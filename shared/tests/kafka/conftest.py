"""What the tests of the Kafka runtime share."""

import secrets
from collections.abc import AsyncIterator

import pytest

from gridcare.kafka.produce import Producer


@pytest.fixture
async def producer(kafka_bootstrap: str) -> AsyncIterator[Producer]:
    """Give a producer of the session's broker."""
    async with Producer(kafka_bootstrap, client_id="tests") as opened:
        yield opened


@pytest.fixture
def group() -> str:
    """Name a consumer group that nobody else uses."""
    return f"group-{secrets.token_hex(6)}"
