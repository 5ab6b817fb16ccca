"""A delivery as the app shows it to the customer whom it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.texts.rendering import Rendered
from outage_notifier.texts.subject import Subject
from outage_notifier.texts.template import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A delivery with what its notice says. `language` is the customer's own, None for one who was never imported."""

    delivery_id: DeliveryId
    customer_code: str
    language: str | None
    state: State
    kind: str
    template: Kind
    slots: Mapping[str, Any]
    subject: Subject
    due_at: datetime


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message as it is shown. `text` is None where its template can no longer be rendered: the others are still shown.

    `link` opens what it is about in the app.
    """

    message: Message
    text: Rendered | None
    link: str | None
