"""Columns of sealed values, in any room's table: what a rotation of keys goes through."""

from dataclasses import dataclass
from typing import Final

from outage_notifier.contacts.vault import DEVICE, NAME, PHONE, Purpose


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A sealed column with its table, the table's primary key and that key's type, and the purpose of its values.

    Each room names its own; the wiring gathers them.
    """

    table: str
    key: str
    key_type: str
    column: str
    purpose: Purpose


SEALED_COLUMNS: Final = (
    SealedColumn("customer", "customer_code", "text", "name_sealed", NAME),
    SealedColumn("phone", "phone_id", "bigint", "number_sealed", PHONE),
    SealedColumn("device", "device_id", "uuid", "registration_sealed", DEVICE),
)
"""Those of contacts."""
