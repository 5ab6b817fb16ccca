"""What the use cases of receipts work in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from gridcare.postgres.database import Database
from gridcare.postgres.poison.guard import Guard
from gridcare.values.clock import Clock
from outage_notifier.contacts.vault import Vault
from outage_notifier.ledger.core.outcome import ListedMessage, StatusCallback


class CallingProvider(Protocol):
    """An SMS provider that calls back."""

    def verify(self, *, query: str, body: bytes, signature: str) -> bool:
        """Check the signature of a callback over its query, as it was written, and its raw body."""
        ...

    def read(self, body: bytes) -> StatusCallback | None:
        """Read a verified callback. Return None when it tells no message's status."""
        ...


class SmsList(Protocol):
    """The SMS provider's list of the messages that it took."""

    async def recent(self, to: str) -> list[ListedMessage]:
        """List the newest messages to a number, newest first, with no date filter. Raises Retryable."""
        ...


@dataclass(frozen=True, slots=True)
class Marks:
    """Where received marks are noted and applied."""

    db: Database
    clock: Clock
    guard: Guard


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Where callbacks are stored, sealed by the vault, and applied."""

    db: Database
    clock: Clock
    guard: Guard
    vault: Vault
    provider: CallingProvider


@dataclass(frozen=True, slots=True)
class LookUps:
    """What look-ups work with; `between_looks` separates the two that prove a message's absence."""

    db: Database
    clock: Clock
    guard: Guard
    vault: Vault
    sms: SmsList
    between_looks: timedelta
