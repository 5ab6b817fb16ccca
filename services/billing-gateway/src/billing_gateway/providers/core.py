"""What we and a payment provider say to each other, in our words."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Literal

from gridcare.errors import GridcareError
from gridcare.events.payments import Provider

IDENTITY_LENGTH_MAX: Final = 100
"""The longest order reference or transaction number of any provider."""

Locale = Literal["vn", "en"]
PaymentResult = Literal["succeeded", "failed", "suspected"]
"""`suspected`: the provider took the money but suspects fraud, so a person has to look at it."""
FailureReason = Literal["expired", "cancelled", "insufficient_funds", "limit_exceeded", "bank_maintenance", "refused"]


class Unreadable(GridcareError):
    """A provider's message has a good signature but makes no sense; `reason` is a stable code."""

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
    """The month that the bill is for, such as `2026-10`."""
    locale: Locale
    client_ip: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedMessage:
    """A message with a good signature: as it came, and its identity in the provider's own words (empty where missing)."""

    raw: str
    order_reference: str
    transaction_number: str
    response_code: str
    transaction_status: str

    @property
    def storable(self) -> bool:
        """Whether its identity can be a key: text no longer than any provider's."""
        identity = (self.order_reference, self.transaction_number, self.response_code, self.transaction_status)
        return all(len(part) <= IDENTITY_LENGTH_MAX and "\x00" not in part for part in identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReport:
    """What a provider says became of an order."""

    provider: Provider
    order_reference: str
    transaction_number: str
    amount_vnd: int
    result: PaymentResult
    reason: FailureReason | None
    """Why it failed; None when money moved."""
    paid_at: datetime | None

    @property
    def money_moved(self) -> bool:
        return self.result != "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A question to a provider: what became of an order."""

    inquiry_id: str
    """Fresh for each question, at most 32 letters and digits."""
    order_reference: str
    created_at: datetime
    """When the order was created, as its PayOrder says."""
    asked_at: datetime


Finding = Literal["reported", "no_payment", "unclear"]
"""`reported`: the provider says what became of the money, in a message that is handled like a callback. `no_payment`: it does
not know the order, or its payer did not finish. `unclear`: it gave no definite answer."""


@dataclass(frozen=True, slots=True)
class InquiryResult:
    """What came of a question; `reason` is a stable code, `message` is there when something was reported."""

    finding: Finding
    reason: str
    message: SignedMessage | None = None


class Verdict(Enum):
    """What a provider is answered."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    UNKNOWN_ORDER = "unknown-order"
    WRONG_AMOUNT = "wrong-amount"
    BAD_SIGNATURE = "bad-signature"
    NOT_UNDERSTOOD = "not-understood"
