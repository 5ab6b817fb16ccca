"""What the use cases of teams work in."""

from dataclasses import dataclass

from gridcare.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Teams:
    """The teams and their areas."""

    db: Database
