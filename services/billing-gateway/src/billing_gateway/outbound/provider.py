"""What flows know of a payment provider; one file a vendor implements it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from billing_gateway.core.payment import Locale, ProviderReport
from gridcare.errors import GridcareError
from gridcare.events.payments import Provider

IDENTITY_LENGTH_MAX: Final = 100
"""The longest order reference or transaction number of any provider."""


class Unreadable(GridcareError):
    """A provider's message has a good signature and makes no sense; `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOrder:
    """What a payer is sent to the provider with."""

    order_reference: str
    amount_vnd: int
    customer_code: str
    period: str
    """The month that the bill is for, `2026-10`."""
    locale: Locale
    client_ip: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message with a good signature: as it came, and what tells it from others (as written; empty where missing)."""

    raw: str
    order_reference: str
    transaction_number: str
    response_code: str
    transaction_status: str

    @property
    def storable(self) -> bool:
        """Whether its identity can be a key: text of a length that no provider exceeds."""
        identity = (self.order_reference, self.transaction_number, self.response_code, self.transaction_status)
        return all(len(part) <= IDENTITY_LENGTH_MAX and "\x00" not in part for part in identity)


class PaymentProvider(Protocol):
    """A provider that pays in by redirect and callback."""

    @property
    def name(self) -> Provider: ...

    def pay_address(self, order: PayOrder) -> str:
        """Give the signed address that the payer's browser is sent to."""
        ...

    def verify(self, raw: bytes) -> SignedMessage | None:
        """Check a callback's signature over its raw bytes; None when it is bad."""
        ...

    def read(self, raw: str) -> ProviderReport:
        """Read a verified callback. Raises Unreadable."""
        ...
