"""Columns of sealed values, in any room's table: what a rotation of keys goes through."""

from dataclasses import dataclass
from typing import Final

from outage_notifier.contacts.vault import DEVICE, NAME, PHONE, Purpose


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A sealed column with its table, the table's primary key and that key's type, and the purpose of its values.

    `bound_to` is the column whose value they are bound to: it is known before the row is written, and never changes.
    Each room names its own; the wiring gathers them.
    """

    table: str
    key: str
    key_type: str
    column: str
    purpose: Purpose
    bound_to: str


SEALED_COLUMNS: Final = (
    SealedColumn("customer", "customer_code", "text", "name_sealed", NAME, "customer_code"),
    SealedColumn("phone", "phone_id", "bigint", "number_sealed", PHONE, "customer_code"),
    SealedColumn("device", "device_id", "uuid", "registration_sealed", DEVICE, "device_id"),
)
"""Those of contacts."""
