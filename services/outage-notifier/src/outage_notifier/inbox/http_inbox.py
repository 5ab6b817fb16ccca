"""The app's inbox: what its customers were told."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from msgspec import Meta
from pydantic import Field

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.guard import Router
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, page_of
from gridcare.http.rooms import room_of
from outage_notifier.inbox.core import InboxMessage
from outage_notifier.inbox.flow import list_messages
from outage_notifier.inbox.room import Inbox
from outage_notifier.ledger.core.delivery_id import DeliveryId
from outage_notifier.texts.template import ShownKind, shown_kind

router = Router(prefix="/v1", tags=["inbox"])

Room = Annotated[Inbox, Depends(room_of(Inbox))]
Customer = Annotated[Caller, Depends(require("customer"))]
Number = Annotated[int, Meta(ge=1, le=10**9 - 1)]

ShownState = Literal[
    "held",
    "retrying",
    "unknown",
    "awaiting",
    "accepted",
    "delivered",
    "failed",
    "unreachable",
    "opted_out",
    "expired",
    "unresolved",
]
"""Where a message is, as its customer is told: as if it went to their own phone, whoever else has the number."""


class MessageOut(Body):
    """A message to one of the caller's customers, in the language that the customer reads now.

    `title` and `body` are null where it is so old that it can no longer be rendered; `due_at` is when it was to be sent.
    """

    delivery_id: str
    customer_code: str
    kind: ShownKind
    title: str | None
    body: str | None
    outage_id: UUID | None
    ticket_id: UUID | None
    bill_id: UUID | None
    payment_id: UUID | None
    link: Annotated[str | None, Field(description="Opens what it is about in the app.")]
    state: ShownState
    due_at: datetime


@router.get("/inbox", name="list_messages")
async def get_inbox(who: Customer, room: Room, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Page[MessageOut]:
    """List the messages to the customers whom the token names, the newest first."""
    position = decode_cursor(cursor, tuple[UUID, Number])
    messages, following = await list_messages(
        who.customer_codes, before=DeliveryId(*position) if position else None, limit=limit, room=room
    )
    behind = (following.notice_id, following.number) if following else None
    return page_of([_message_out(each) for each in messages], behind)


def _message_out(each: InboxMessage) -> MessageOut:
    message, text = each.message, each.text
    return MessageOut.of(
        message,
        **message.subject._asdict(),
        link=each.link,
        delivery_id=str(message.delivery_id),
        kind=shown_kind(message.kind),
        title=text.title if text else None,
        body=text.body if text else None,
    )
