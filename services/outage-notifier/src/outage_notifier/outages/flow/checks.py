"""What an outage is checked for beside its own rules: a scope that exists, and texts that providers take."""

from collections.abc import Sequence
from typing import Final

from gridcare.errors import Unprocessable
from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection
from outage_notifier.ledger.core.notice import Intent
from outage_notifier.outages.store import scope as scopes
from outage_notifier.texts import fit
from outage_notifier.texts.rendering import Catalog

UNKNOWN_NAMED_MAX: Final = 100
"""How many unknown elements of each kind an answer names."""


async def refuse_unknown(tx: Connection, scope: Scope) -> None:
    """Refuse a scope that names what is not there. Raises Unprocessable `unknown-scope`, naming it."""
    unknown = await scopes.unknown(tx, scope, limit=UNKNOWN_NAMED_MAX)
    if unknown:
        raise Unprocessable("unknown-scope", "no supply point hangs on some of what is to be cut", unknown=unknown)


def refuse_unfit(catalog: Catalog, intents: Sequence[Intent]) -> None:
    """Refuse notices that no provider would take. Raises Unprocessable `notice-too-long` with the kind and the language."""
    for intent in intents:
        fit.refuse_unfit(catalog, intent.kind, intent.slots)
