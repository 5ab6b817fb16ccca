"""A delivery as the customer whom it is for reads it in the app."""

from dataclasses import dataclass
from datetime import datetime

from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.ledger.core.notice import Content
from outage_notifier.texts.rendering import Rendered


@dataclass(frozen=True, slots=True)
class Message:
    """A delivery with the notice that it delivers; `language` is the customer's own, None for one whom nobody imported."""

    delivery_id: DeliveryId
    customer_code: str
    language: str | None
    state: str
    due_at: datetime
    content: Content


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message; `text` is None where its template cannot be written any more: it hides none of the others."""

    message: Message
    text: Rendered | None
