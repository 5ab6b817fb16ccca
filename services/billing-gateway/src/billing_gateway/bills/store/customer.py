"""Table `customer`: the customer codes that supply-points.v1 has named."""

from collections.abc import Iterable

from gridcare.postgres.database import Connection

_ADD = """
INSERT INTO customer (customer_code) SELECT DISTINCT unnest($1::text[]) ORDER BY 1 ON CONFLICT DO NOTHING
"""
_IS_KNOWN = "SELECT EXISTS (SELECT 1 FROM customer WHERE customer_code = $1)"


async def add(tx: Connection, customer_codes: Iterable[str]) -> None:
    """Note codes. They are inserted in order, so that two writers cannot deadlock."""
    await tx.execute(_ADD, list(customer_codes))


async def is_known(connection: Connection, customer_code: str) -> bool:
    """Say whether a supply point ever carried the code."""
    known: bool = await connection.fetchval(_IS_KNOWN, customer_code)
    return known
