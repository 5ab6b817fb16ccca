"""What the use cases of payments work in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from billing_gateway.payments.core import Limits
from billing_gateway.providers.core import PayOrder
from gridcare.events.payments import Provider
from gridcare.postgres.database import Database
from gridcare.values.clock import Clock


class PayPage(Protocol):
    """A provider's page, where a payer pays."""

    def pay_address(self, order: PayOrder) -> str:
        """Return the signed address that the payer's browser is sent to. The provider is not called."""
        ...


@dataclass(frozen=True, slots=True)
class Payments:
    """Where payments are begun and read."""

    db: Database
    clock: Clock
    providers: Mapping[Provider, PayPage]
    limits: Limits
