"""supply-points.v1: where electricity is delivered, and which customer it serves."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from gridcare.errors import Rejected
from gridcare.events import Envelope
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
    event = envelope.data
    if event is None:
        return removed(envelope.subject, envelope.sequence, envelope.time)
    if not isinstance(event, SupplyPointChanged):
        raise Rejected("unexpected-event-type", envelope.type)
    return described(event, envelope.time)
