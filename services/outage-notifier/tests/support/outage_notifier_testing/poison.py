"""A row that raises, and loops that meet it again and again."""

from collections.abc import Awaitable, Callable

from gridcare.postgres.database import Database
from gridcare.postgres.poison import store
from gridcare.postgres.poison.store import TRIES_MAX
from gridcare.testing.logs import captured_logs


async def refuse_change(db: Database, table: str, condition: str) -> None:
    """Let the database refuse each update of a table's rows that meet a condition, about NEW and OLD, with an error."""
    async with db.transaction() as tx:
        await tx.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$"
        )
        await tx.execute(
            f"CREATE TRIGGER poison BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()"
        )


async def try_often(db: Database, step: Callable[[], Awaitable[int]], *, tries: int = 8) -> list[tuple[str, str]]:
    """Repeat a step, each time with the pauses after failures over. Return kind and id of what is parked in the end."""
    with captured_logs() as logs:
        for _ in range(tries):
            await step()
            async with db.transaction() as tx:
                await tx.execute("UPDATE poison SET retry_at = now() - interval '1 s' WHERE retry_at IS NOT NULL")
    assert len(logs.named("work_failed")) == TRIES_MAX
    async with db.read() as connection:
        return [(each.kind, each.item_id) for each in await store.list_parked(connection, None, limit=9)]
