"""The processes' role: the rights that the service declares, and no way to change a table, a trigger or the ledger."""

from billing_gateway.grants import GRANTS
from gridcare_local.testing.rights import alterations, append_only, wrong_rights

APPEND_ONLY = ("account", "entry", "ledger_transaction", "provider_event")


async def test_rights_are_as_declared(database_url):
    """Table by table, the role has what is declared: a new table is closed until it is."""
    assert await wrong_rights(database_url, GRANTS) == []


async def test_append_only_stays(database_url):
    """Where triggers refuse that rows change or go, the role has no right to try."""
    assert await append_only(database_url) == {name: [] for name in APPEND_ONLY}


async def test_nothing_is_altered(database_url):
    """No table can be altered, dropped or emptied, and no trigger switched off."""
    assert await alterations(database_url) == []
