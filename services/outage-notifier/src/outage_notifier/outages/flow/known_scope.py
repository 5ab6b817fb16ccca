"""Check that a scope names grid elements and supply points that exist."""

from typing import Final

from gridcare.errors import Unprocessable
from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection
from outage_notifier.outages.store import scope as scopes

UNKNOWN_NAMED_MAX: Final = 100
"""The answer names at most this many unknown elements of each kind."""


async def refuse_unknown(tx: Connection, scope: Scope) -> None:
    """Refuse a scope with elements that no supply point hangs on. Raises Unprocessable `unknown-scope`, which names them."""
    unknown = await scopes.unknown(tx, scope, limit=UNKNOWN_NAMED_MAX)
    if unknown:
        raise Unprocessable("unknown-scope", "some of what is to be cut has no supply point", unknown=unknown)
