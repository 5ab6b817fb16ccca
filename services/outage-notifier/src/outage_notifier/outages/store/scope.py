"""Scopes as they meet `supply_point`: what a planner names must exist."""

from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection

_COLUMNS = {
    "feeder_ids": "feeder_id",
    "transformer_ids": "transformer_id",
    "ward_codes": "ward_code",
    "supply_point_ids": "supply_point_id",
}
_UNKNOWN = {
    name: f"""
        SELECT asked FROM unnest($1::text[]) AS asked
        WHERE NOT EXISTS (SELECT FROM supply_point s WHERE s.{column} = asked) ORDER BY asked LIMIT $2"""
    for name, column in _COLUMNS.items()
}


async def unknown(connection: Connection, scope: Scope, *, limit: int) -> dict[str, list[str]]:
    """Give what no supply point hangs on, by the scope's field, at most `limit` of each."""
    found: dict[str, list[str]] = {}
    for name, statement in _UNKNOWN.items():
        asked = list(getattr(scope, name))
        rows = await connection.fetch(statement, asked, limit) if asked else []
        if rows:
            found[name] = [row[0] for row in rows]
    return found
