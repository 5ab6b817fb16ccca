"""What the processes may do is what is declared, whatever was there before."""

from dataclasses import replace

import pytest

from gridcare.postgres.schema.grants import Grants, RoleMissing, give_grants, may
from gridcare_local.testing.rights import alterations, wrong_rights


async def test_shared_rights_are_as_declared(database_url, grants):
    """The tables of the plumbing are open as declared, and cannot be altered."""
    assert await wrong_rights(database_url, grants) == []
    assert await alterations(database_url) == []


async def test_new_tables_are_closed(database_urls, owner_db, grants):
    """A table that nobody declared is closed; declared, it is open as far as that."""
    async with owner_db.transaction() as tx:
        await tx.execute("CREATE TABLE thing (n int, m int)")
    await give_grants(database_urls.owner, grants)
    assert await wrong_rights(database_urls.app, grants) == []
    opened = replace(grants, tables={"thing": may("INSERT").of("m")})
    assert len(await wrong_rights(database_urls.app, opened)) == 1
    await give_grants(database_urls.owner, opened)
    assert await wrong_rights(database_urls.app, opened) == []


@pytest.mark.parametrize(
    "given",
    [
        "GRANT TRIGGER, TRUNCATE ON outbox TO {role}",
        "GRANT UPDATE (topic) ON outbox TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO {role}",
        "CREATE FUNCTION anybody() RETURNS int SECURITY DEFINER SET search_path = public, pg_temp LANGUAGE sql AS 'SELECT 1'",
    ],
)
async def test_more_is_taken_back(database_urls, owner_db, grants, given):
    """A right that was given by hand, or that everybody has, is seen and is gone after the next release."""
    async with owner_db.transaction() as tx:
        await tx.execute(given.format(role=grants.role))
    assert len(await wrong_rights(database_urls.app, grants)) == 1
    await give_grants(database_urls.owner, grants)
    assert await wrong_rights(database_urls.app, grants) == []


async def test_an_owner_is_seen(owner_url, grants):
    """The check finds fault with a role that owns the tables."""
    assert "the role is_owner" in await wrong_rights(owner_url, grants)
    assert "ALTER TABLE outbox DISABLE TRIGGER ALL" in await alterations(owner_url)


async def test_a_missing_role_is_named(owner_url):
    """Without the role there is an error that says how to make it."""
    with pytest.raises(RoleMissing, match="CREATE ROLE gridcare_nobody_app NOLOGIN"):
        await give_grants(owner_url, Grants("gridcare_nobody_app", {}))
