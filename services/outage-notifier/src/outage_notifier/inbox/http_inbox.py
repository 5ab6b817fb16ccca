"""The app's inbox: what its customers were told, and its word that a push arrived."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status
from msgspec import Meta

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, encode_cursor
from outage_notifier.dependencies import Wired
from outage_notifier.inbox.core import InboxMessage
from outage_notifier.inbox.flow import read_inbox
from outage_notifier.ledger.core.delivery import State
from outage_notifier.ledger.core.delivery_id import DELIVERY_ID_PATTERN, DeliveryId, read_delivery_id
from outage_notifier.receipts.flow.mark_received import mark_received

router = APIRouter(prefix="/v1", tags=["inbox"])

Customer = Annotated[Caller, Depends(require("customer"))]
Number = Annotated[int, Meta(ge=1, lt=10**9)]


class MessageOut(Body):
    """A message to one of the caller's customers, in the language that the customer reads now.

    `title` and `body` are null for one so old that it can no longer be written; `due_at` is when it was to be sent.
    """

    delivery_id: str
    customer_code: str
    kind: str
    title: str | None
    body: str | None
    outage_id: UUID | None
    state: State
    due_at: datetime


@router.get("/inbox")
async def get_inbox(
    who: Customer, services: Wired, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[MessageOut]:
    """List the messages of the customers whom the token names, the newest first."""
    position = decode_cursor(cursor, tuple[UUID, Number])
    found, following = await read_inbox(
        services.db,
        services.renderer,
        who.customer_codes,
        before=DeliveryId(*position) if position else None,
        limit=limit,
    )
    following_cursor = encode_cursor((following.notice_id, following.number)) if following else None
    return Page(items=[_out(each) for each in found], next=following_cursor)


@router.post("/deliveries/{delivery_id}/received", status_code=204)
async def post_received(
    who: Customer, delivery_id: Annotated[str, Path(pattern=DELIVERY_ID_PATTERN)], services: Wired
) -> Response:
    """Say that a push arrived, by the `delivery_id` in its data; as often as the app likes. No SMS follows it then."""
    await mark_received(services.db, services.clock, read_delivery_id(delivery_id), who.customer_codes)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def _out(each: InboxMessage) -> MessageOut:
    message, text = each.message, each.text
    return MessageOut(
        delivery_id=str(message.delivery_id),
        customer_code=message.customer_code,
        kind=message.content.kind,
        title=text.title if text else None,
        body=text.body if text else None,
        outage_id=message.content.outage_id,
        state=State(message.state),
        due_at=message.due_at,
    )
