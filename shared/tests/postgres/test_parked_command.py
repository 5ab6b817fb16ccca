"""The operational command `parked` and the metric of what is parked."""

import pytest
from pydantic import SecretStr

from gridcare.postgres.database import Database
from gridcare.postgres.poison import store
from gridcare.postgres.poison.command import parked_command
from gridcare.postgres.poison.guard import count_parked
from gridcare.process.settings import DatabaseSettings
from gridcare.testing.metrics import sample


async def _parked(db: Database) -> list[str]:
    async with db.read() as connection:
        return [each.item_id for each in await store.list_parked(connection, None, limit=100)]


async def test_the_command_lists_and_releases(
    db: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`parked` lists what is parked, releases one or all of a kind, and says when there was nothing to release."""
    settings = DatabaseSettings(database_url=SecretStr(database_url))
    async with db.transaction() as tx:
        for item_id in ("a", "b", "c"):
            for _ in range(store.TRIES_MAX):
                await store.failed(tx, "batch", item_id, "ZeroDivisionError", counted=False)
    await count_parked(db)
    assert sample("parked_work_items", kind="batch") == 3
    assert await parked_command(settings, ["list"]) == 0
    assert capsys.readouterr().out.count("ZeroDivisionError") == 3
    assert await parked_command(settings, ["release", "batch", "b"]) == 0
    assert await _parked(db) == ["a", "c"]
    assert await parked_command(settings, ["release", "batch", "b"]) == 1
    assert await parked_command(settings, ["release", "batch", "--all"]) == 0
    assert await _parked(db) == []
    await count_parked(db)
    assert sample("parked_work_items", kind="batch") == 0
