"""The inbox: each consumer applies an event once."""

from uuid import uuid4

import pytest

from gridcare.postgres import inbox


async def test_each_consumer_accepts_once(db):
    """The same consumer sees an event only once; another consumer sees it for the first time."""
    event_id = uuid4()
    async with db.transaction() as tx:
        assert await inbox.accept(tx, "a", event_id)
    async with db.transaction() as tx:
        assert not await inbox.accept(tx, "a", event_id)
        assert await inbox.accept(tx, "b", event_id)


async def test_rollback_forgets_the_event(db):
    """The id is rolled back together with the effect."""
    event_id = uuid4()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await inbox.accept(tx, "a", event_id)
            raise ZeroDivisionError
    async with db.transaction() as tx:
        assert await inbox.accept(tx, "a", event_id)


async def test_old_ids_are_deleted(owner_db):
    """Ids older than any record that could arrive are deleted, the rest stays."""
    async with owner_db.transaction() as tx:
        await inbox.accept(tx, "a", uuid4())
        await tx.execute("UPDATE inbox SET received_at = now() - interval '40 days'")
        await inbox.accept(tx, "a", uuid4())
        assert await inbox.forget(tx, limit=10) == 1
