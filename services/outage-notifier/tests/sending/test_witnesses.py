"""One customer's broken contacts stop a channel for nobody; those of several batches are remembered together."""

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.ledger.store import breaker

REFUSED = Outcome(OutcomeKind.REFUSED, "INVALID_ARGUMENT")


async def tell(world, planned, send, sending, customers):
    """Tell so many more customers something, all of whose devices are refused. Return which channels are stopped then."""
    sending.push.outcomes = {f"d{n}": REFUSED for n in range(customers)}
    await planned(customers, each=lambda n: {"devices": [f"d{n}"]})
    await send()
    async with world.db.read() as c:
        return [channel for channel, state in (await breaker.read(c)).items() if state.opened_at]


async def suspect(world, *witnesses):
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE breaker SET suspicion = 24, witnesses = $1 WHERE channel = 'push'", list(witnesses))


async def test_few_customers_stop_nobody(world, planned, send, sending):
    """However great the suspicion, it is that of three."""
    await suspect(world)
    assert await tell(world, planned, send, sending, 3) == []


async def test_witnesses_are_remembered(world, planned, send, sending):
    """Two customers of earlier batches and three of this one are five."""
    await suspect(world, "PA11010000001", "PA11010000002")
    assert await tell(world, planned, send, sending, 3) == ["push"]
