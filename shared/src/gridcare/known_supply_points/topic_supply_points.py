"""supply-points.v1: where electricity is delivered, and which customer it serves."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from gridcare.events import Envelope, data_as
from gridcare.events.supply_points import SupplyPointChanged
from gridcare.events.topics import SUPPLY_POINTS
from gridcare.kafka.consume import Subscription
from gridcare.known_supply_points.core import Change, described, removed
from gridcare.known_supply_points.flow import project_supply_points
from gridcare.postgres.database import Database

RECORDS_MAX = 500
"""A million supply points arrive at once on the first day; a transaction for each would take hours."""


def subscription(db: Database) -> Subscription:
    """Return the subscription of a service that projects the topic into its table `supply_point`."""
    return applied_by(partial(project_supply_points, db=db))


def applied_by(apply: Callable[[Sequence[Change]], Awaitable[None]]) -> Subscription:
    """Return the subscription of a service whose `apply` handles the records, in order, in its own transaction."""

    async def handle(envelopes: Sequence[Envelope]) -> None:
        await apply([_change(envelope) for envelope in envelopes])

    return Subscription((SUPPLY_POINTS,), handle, records_max=RECORDS_MAX)


def _change(envelope: Envelope) -> Change:
    if envelope.data is None:
        return removed(envelope.subject, envelope.version, envelope.time)
    return described(data_as(envelope, SupplyPointChanged), envelope.time)
