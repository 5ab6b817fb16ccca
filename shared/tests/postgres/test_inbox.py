"""The inbox: an event is applied once a consumer."""

from uuid import uuid4

import pytest

from gridcare.postgres import inbox


async def test_an_event_is_accepted_once_a_consumer(db):
    """The second time it was seen before; another consumer sees it for the first time."""
    event_id = uuid4()
    async with db.transaction() as tx:
        assert await inbox.accept(tx, "a", event_id)
    async with db.transaction() as tx:
        assert not await inbox.accept(tx, "a", event_id)
        assert await inbox.accept(tx, "b", event_id)


async def test_an_event_whose_transaction_failed_was_not_seen(db):
    """The note is rolled back with the effect."""
    event_id = uuid4()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await inbox.accept(tx, "a", event_id)
            raise ZeroDivisionError
    async with db.transaction() as tx:
        assert await inbox.accept(tx, "a", event_id)


async def test_old_notes_are_forgotten(db):
    """What is older than any record that could come is deleted, the rest stays."""
    async with db.transaction() as tx:
        await inbox.accept(tx, "a", uuid4())
        await tx.execute("UPDATE inbox SET received_at = now() - interval '40 days'")
        await inbox.accept(tx, "a", uuid4())
        assert await inbox.forget(tx) == 1
