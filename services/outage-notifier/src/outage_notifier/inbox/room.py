"""What the use cases of the inbox work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from gridcare.values.clock import Clock
from outage_notifier.texts.kept import KeptTexts


@dataclass(frozen=True, slots=True)
class Inbox:
    """The database, the clock, the texts of notices, and where links into the app begin."""

    db: Database
    clock: Clock
    texts: KeptTexts
    app_link_base: str
