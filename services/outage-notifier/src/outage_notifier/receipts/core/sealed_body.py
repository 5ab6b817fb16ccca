"""What of a receipt is sealed: a callback's body holds the number that it is about."""

from typing import Final

from outage_notifier.contacts.core.sealed_column import SealedColumn
from outage_notifier.contacts.vault import RECEIPT

SEALED_BODY: Final = SealedColumn("receipt", "receipt_id", "bigint", "body_sealed", RECEIPT)
