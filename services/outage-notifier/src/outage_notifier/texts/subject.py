"""What a notice is about, as the app is told: ids, and a link that opens the thing."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID


class Subject(NamedTuple):
    """The things that a notice is about. A slot of their name holds those that have no column."""

    outage_id: UUID | None = None
    ticket_id: UUID | None = None
    bill_id: UUID | None = None
    payment_id: UUID | None = None

    def link(self, base: str) -> str | None:
        """Return the address that opens it in the app, such as `gridcare://tickets/<id>`; None when it is about nothing."""
        for name, path in _PATHS.items():
            if (value := getattr(self, name)) is not None:
                return f"{base}{path}/{value}"
        return None

    def named(self) -> dict[str, str]:
        """Return the ids that there are, by name, as strings: a push carries nothing else."""
        return {name: str(value) for name, value in self._asdict().items() if value is not None}


_PATHS: Final[Mapping[str, str]] = {
    "payment_id": "payments",
    "bill_id": "bills",
    "ticket_id": "tickets",
    "outage_id": "outages",
}
"""Where each is in the app; the first that a notice has is what it opens."""


def subject_of(outage_id: UUID | None, slots: Mapping[str, Any]) -> Subject:
    """Return what a notice of these slots is about; `outage_id` is its own, if it is about an outage."""
    ids = {name: UUID(slots[name]) for name in Subject._fields if slots.get(name)}
    return Subject(**({"outage_id": outage_id} if outage_id else {}) | ids)
