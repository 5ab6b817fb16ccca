"""Migrations: applied once per release; running them again has no effect."""

import asyncpg
import pytest

from gridcare.postgres.schema.migrate import MigrationFailed, migrate

GOOD = "-- migrate:up\nCREATE TABLE thing (n int);\n-- migrate:down\nDROP TABLE thing;\n"


async def test_migrating_twice_changes_nothing(owner_url, tmp_path):
    """The second run has nothing to apply."""
    (tmp_path / "20270101000001_thing.sql").write_text(GOOD)
    await migrate(owner_url, tmp_path)
    await migrate(owner_url, tmp_path)
    connection = await asyncpg.connect(owner_url)
    assert await connection.fetchval("SELECT count(*) FROM thing") == 0
    await connection.close()


async def test_broken_migrations_roll_back(owner_url, tmp_path):
    """Nothing of the file remains, and the error names the file without the database's address and password."""
    (tmp_path / "20270101000001_thing.sql").write_text(GOOD.replace("(n int);", "(n int); SELECT nothing;"))
    with pytest.raises(MigrationFailed) as failed:
        await migrate(owner_url, tmp_path)
    assert "20270101000001_thing.sql" in str(failed.value)
    assert "postgresql://" not in str(failed.value)
    connection = await asyncpg.connect(owner_url)
    assert await connection.fetchval("SELECT to_regclass('thing')") is None
    await connection.close()
