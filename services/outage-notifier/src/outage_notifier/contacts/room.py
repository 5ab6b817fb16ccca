"""What the use cases of contacts work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.contacts.vault import Vault


@dataclass(frozen=True, slots=True)
class Contacts:
    """The database, the clock, and the vault that seals contacts."""

    db: Database
    clock: Clock
    vault: Vault
