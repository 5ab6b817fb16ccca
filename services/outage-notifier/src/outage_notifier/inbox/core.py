"""A delivery as the app shows it to the customer whom it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.texts.rendering import Rendered
from outage_notifier.texts.subject import Subject
from outage_notifier.texts.template import Kind

AS_ITS_OWN: Final = frozenset({State.HELD, State.RETRYING, State.UNKNOWN, State.ACCEPTED, State.DELIVERED})
"""What an SMS to the recipient's own number could be found in too, on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A delivery with what its notice says. `state` is never `covered`.

    `language` is the customer's own, None for one who was never imported.
    """

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


def shown_state(state: State, of_owner: State | None) -> State:
    """Return the state that the customer is shown, who is not to learn that a number is another customer's too.

    A covered message is shown as the one that covers it (`of_owner`), while that could be an SMS of the customer's own. If it
    was not taken, the customer is about to be told otherwise.
    """
    if state is not State.COVERED:
        return state
    return of_owner if of_owner in AS_ITS_OWN else State.RETRYING
