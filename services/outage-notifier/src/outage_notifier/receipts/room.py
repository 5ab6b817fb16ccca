"""What the use cases of receipts work in."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.contacts.vault import Vault
from outage_notifier.ledger.core.outcome import ListedMessage


class SmsList(Protocol):
    """The SMS provider's list of the messages that it took."""

    async def recent(self, to: str) -> list[ListedMessage]:
        """List the newest messages to a number, newest first, with no date filter. Raises Retryable."""
        ...


@dataclass(frozen=True, slots=True)
class Receipts:
    """The database, the clock, and the vault that callbacks are sealed with."""

    db: Database
    clock: Clock
    vault: Vault


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What callbacks are taken with; `address` is the one that Twilio was given, without its query."""

    db: Database
    clock: Clock
    vault: Vault
    address: str
    auth_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LookUps:
    """What look-ups work with; `between_looks` separates the two that prove a message's absence."""

    db: Database
    clock: Clock
    vault: Vault
    sms: SmsList
    between_looks: timedelta
