"""What the use cases of contacts work in."""

from collections.abc import Sequence
from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.contacts.core.sealed_column import SealedColumn
from outage_notifier.contacts.vault import Vault


@dataclass(frozen=True, slots=True)
class Contacts:
    """The database, the clock, the vault that seals contacts, and how many numbers a customer may type in a year."""

    db: Database
    clock: Clock
    vault: Vault
    new_phones_per_year_max: int


@dataclass(frozen=True, slots=True)
class PhoneHistory:
    """Where the changes of phones are, which are deleted `kept_months` later."""

    db: Database
    clock: Clock
    kept_months: int


@dataclass(frozen=True, slots=True)
class Aside:
    """Where the devices are that are put aside."""

    db: Database


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where it is kept who imported what."""

    db: Database


@dataclass(frozen=True, slots=True)
class Resealing:
    """The database, the vault, and every column that it seals, in whichever room its table belongs."""

    db: Database
    vault: Vault
    columns: Sequence[SealedColumn]
