"""What flows know of a payment provider; one file a vendor implements it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing_gateway.callbacks.core import SignedMessage, Verdict
from billing_gateway.payments.core import Locale, ProviderReport
from gridcare.errors import GridcareError
from gridcare.events.payments import Provider


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

    def answer(self, verdict: Verdict) -> tuple[str, str]:
        """Say a verdict in the provider's words: its code and its text."""
        ...
