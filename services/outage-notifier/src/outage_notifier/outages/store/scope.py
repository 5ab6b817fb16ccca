"""Scopes compared with `supply_point`: what a planner names must exist."""

from collections.abc import Mapping
from typing import Final, Literal

from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection

ScopeField = Literal["feeder_ids", "transformer_ids", "ward_codes", "supply_point_ids"]

_COLUMNS: Final[Mapping[ScopeField, str]] = {
    "feeder_ids": "feeder_id",
    "transformer_ids": "transformer_id",
    "ward_codes": "ward_code",
    "supply_point_ids": "supply_point_id",
}
_UNKNOWN: Final[Mapping[ScopeField, str]] = {
    field: f"""
        SELECT element FROM unnest($1::text[]) AS element
        WHERE NOT EXISTS (SELECT FROM supply_point s WHERE s.{column} = element AND NOT s.removed)
        ORDER BY element LIMIT $2"""
    for field, column in _COLUMNS.items()
}


async def unknown(connection: Connection, scope: Scope, *, limit: int) -> dict[ScopeField, list[str]]:
    """Return the elements that no supply point hangs on, by the scope's field, at most `limit` of each."""
    unknown_elements: dict[ScopeField, list[str]] = {}
    for field, statement in _UNKNOWN.items():
        elements = list(getattr(scope, field))
        rows = await connection.fetch(statement, elements, limit) if elements else []
        if rows:
            unknown_elements[field] = [row["element"] for row in rows]
    return unknown_elements
