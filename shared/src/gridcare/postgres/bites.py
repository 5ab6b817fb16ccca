"""How much retention deletes at once."""

from typing import Final

BITE_ROWS: Final = 5_000
"""Rows that one transaction deletes of a table, in some 50 ms: nobody waits long for its locks or its connection."""
