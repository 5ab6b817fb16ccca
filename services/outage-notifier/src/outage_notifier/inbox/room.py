"""What the use cases of the inbox work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database
from outage_notifier.texts.kept import KeptTexts


@dataclass(frozen=True, slots=True)
class Inbox:
    """The database, and the texts of notices."""

    db: Database
    texts: KeptTexts
