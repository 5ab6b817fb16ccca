"""What the flows around payments need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing_gateway.payments.core import Limits
from billing_gateway.providers.provider import PaymentProvider
from gridcare.events.payments import Provider
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock

SOURCE: Final = "billing-gateway"
"""Who the events of this service are from."""


@dataclass(frozen=True, slots=True)
class PaymentDesk:
    """Where payments begin and end: the database, the clock, and each provider that is set up."""

    db: Database
    clock: Clock
    providers: Mapping[Provider, PaymentProvider]
    limits: Limits
