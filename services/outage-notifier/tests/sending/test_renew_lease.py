"""Renewing a lease: it goes on in the database and here, is noted as lost, and tells of a newer revision."""

from dataclasses import replace

import pytest

from gridcare.testing.waiting import eventually
from outage_notifier.ledger.store import batch
from outage_notifier.sending.core.lease import Lease
from outage_notifier.sending.flow.renew_lease import renew_lease, renewed_lease


@pytest.fixture
async def claimed(world, planned):
    """Return a batch of one customer, claimed for a second."""
    await planned(1, each=lambda _: {"phones": ["+84901000000"]})
    [batch_id] = await world.batches()
    async with world.db.transaction() as tx:
        return await batch.claim(tx, batch_id, lease_s=1)


async def left_s(world):
    async with world.db.read() as c:
        return await c.fetchval("SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM batch")


async def test_renewed_on_both_clocks(world, claimed, sending):
    """The database's lease runs on from the renewal, and so does the sender's."""
    lease = Lease(duration_s=60, ends_s=0)
    await renew_lease(claimed, lease, room=sending)
    assert 50 < await left_s(world) <= 60
    assert lease.ends_s > 60
    assert not lease.lost
    assert not lease.superseded


async def test_other_attempt_has_it(world, claimed, sending):
    """Another sender claimed the batch: the lease is lost, and not renewed."""
    lease = Lease(duration_s=60, ends_s=0)
    await renew_lease(replace(claimed, claim_number=claimed.claim_number - 1), lease, room=sending)
    assert lease.lost
    assert lease.ends_s == 0
    assert await left_s(world) < 2


async def test_newer_revision_is_learned(world, claimed, sending):
    """The notice was superseded since the claim."""
    lease = Lease(duration_s=60, ends_s=0)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE notice SET superseded_at = now()")
    await renew_lease(claimed, lease, room=sending)
    assert lease.superseded


async def test_kept_while_the_block_lasts(world, claimed, sending):
    """A short lease is renewed again and again, and no more after the block."""
    lease = Lease(duration_s=0.4, ends_s=0)
    ends = []
    async with renewed_lease(claimed, lease, room=sending):
        for _ in range(3):
            ends.append(lease.ends_s)
            await eventually(lambda: lease.ends_s > ends[-1])
    assert ends == sorted(set(ends))
