"""Every column that the vault sealed: what a rotation of keys has to go through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gridcare.postgres.database import Connection
from outage_notifier.contacts import vault


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A sealed column, the key of its table and that key's type, and the purpose that its values are bound to."""

    table: str
    key: str
    key_type: str
    column: str
    bound_to: bytes


SEALED_COLUMNS: Final = (
    SealedColumn("customer", "customer_code", "text", "name_sealed", vault.NAME),
    SealedColumn("phone", "phone_id", "bigint", "number_sealed", vault.PHONE),
    SealedColumn("device", "device_id", "uuid", "registration_sealed", vault.DEVICE),
    SealedColumn("receipt", "receipt_id", "bigint", "body_sealed", vault.RECEIPT),
)

Value = tuple[Any, bytes]
"""A row's key, and what is sealed in it."""


async def page(tx: Connection, of: SealedColumn, *, after: Any, newest: bytes, limit: int) -> list[Value]:
    """Give the next values, by key, that the newest key did not seal; `after` is None at the start."""
    rows = await tx.fetch(
        f"SELECT {of.key}, {of.column} FROM {of.table}"
        f" WHERE ($1::{of.key_type} IS NULL OR {of.key} > $1) AND {of.column} IS NOT NULL"
        f" AND substring({of.column} FROM 1 FOR length($2::bytea)) <> $2 ORDER BY {of.key} LIMIT $3",
        *(after, newest, limit),
    )
    return [(row[0], row[1]) for row in rows]


async def replace(tx: Connection, of: SealedColumn, old: Sequence[Value], new: Sequence[bytes]) -> int:
    """Write values anew where they are still the ones that were read; how many."""
    tag: str = await tx.execute(
        f"UPDATE {of.table} t SET {of.column} = v.new"
        f" FROM unnest($1::{of.key_type}[], $2::bytea[], $3::bytea[]) AS v (key, old, new)"
        f" WHERE t.{of.key} = v.key AND t.{of.column} = v.old",
        *([key for key, _ in old], [sealed for _, sealed in old], list(new)),
    )
    return int(tag.split()[1])
