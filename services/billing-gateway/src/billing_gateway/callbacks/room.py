"""What the use cases of callbacks work in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from billing_gateway.payments.core import Asking
from billing_gateway.providers.core import Inquiry, InquiryResult, ProviderReport, SignedMessage, Verdict
from gridcare.events.payments import Provider
from gridcare.postgres.database import Database
from gridcare.postgres.poison.guard import Guard
from gridcare.values.clock import Clock


class CallingProvider(Protocol):
    """A provider that calls back."""

    @property
    def acceptance_answers(self) -> bool:
        """Whether its acceptance test is under way: money for a wrong order is then refused in words, and booked all the same."""
        ...

    def verify(self, raw: bytes) -> SignedMessage | None:
        """Check that the provider signed a callback, over its raw bytes. Return None when it did not."""
        ...

    def read(self, raw: str) -> ProviderReport:
        """Read a verified callback. Raises Unreadable."""
        ...

    def answer(self, verdict: Verdict) -> tuple[str, str]:
        """Return a verdict in the provider's words: its code and its text."""
        ...


class AskedProvider(Protocol):
    """A provider that can be asked what became of an order. `CallingProvider.read` reads the messages that it answers."""

    async def ask(self, inquiry: Inquiry) -> InquiryResult:
        """Ask once. A failure of the call is a result, too."""
        ...


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Where callbacks are stored and handled."""

    db: Database
    clock: Clock
    guard: Guard
    providers: Mapping[Provider, CallingProvider]


@dataclass(frozen=True, slots=True)
class Inquiries(Callbacks):
    """Where providers are asked about callbacks that did not come, too."""

    asked: Mapping[Provider, AskedProvider]
    asking: Asking
