"""What the use cases of the inbox work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.texts.kept import KeptTexts


@dataclass(frozen=True, slots=True)
class Inbox:
    """The database, the clock, and the texts of notices."""

    db: Database
    clock: Clock
    texts: KeptTexts
