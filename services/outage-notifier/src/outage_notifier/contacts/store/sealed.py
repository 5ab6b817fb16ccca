"""Columns of sealed values, in any table: what a rotation of keys goes through."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.contacts.core.sealed_column import SealedColumn

Key = str | int | UUID | None


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A row's key, what is sealed in the row, and what it is bound to."""

    key: Key
    sealed: bytes
    bound_to: str


async def page(tx: Connection, column: SealedColumn, *, after: Key, newest: bytes, limit: int) -> Sequence[SealedValue]:
    """Return the next values, by key, that are not sealed as the vault seals now. `after` is None at the start."""
    rows = await tx.fetch(
        f"SELECT {column.key} AS key, {column.column} AS sealed, {column.bound_to}::text AS bound_to FROM {column.table}"
        f" WHERE ($1::{column.key_type} IS NULL OR {column.key} > $1) AND {column.column} IS NOT NULL"
        f" AND substring({column.column} FROM 1 FOR length($2::bytea)) <> $2 ORDER BY {column.key} LIMIT $3",
        *(after, newest, limit),
    )
    return [SealedValue(**row) for row in rows]


async def replace(
    tx: Connection, column: SealedColumn, values: Sequence[SealedValue], resealed: Sequence[bytes]
) -> int:
    """Write values again where they are still what was read. Return the number of rows."""
    tag: str = await tx.execute(
        f"UPDATE {column.table} t SET {column.column} = v.new"
        f" FROM unnest($1::{column.key_type}[], $2::bytea[], $3::bytea[]) AS v (key, old, new)"
        f" WHERE t.{column.key} = v.key AND t.{column.column} = v.old",
        *([value.key for value in values], [value.sealed for value in values], list(resealed)),
    )
    return int(tag.split()[1])
