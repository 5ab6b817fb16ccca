"""The sealed column of receipts: a callback's body holds a phone number."""

from typing import Final

from outage_notifier.contacts.core.sealed_column import SealedColumn
from outage_notifier.contacts.vault import RECEIPT

SEALED_BODY: Final = SealedColumn("receipt", "receipt_id", "bigint", "body_sealed", RECEIPT, "dedup_key")
