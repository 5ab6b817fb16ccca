"""Received marks: the app's report that a push arrived."""

from typing import Annotated

from fastapi import Depends, Path, Response, status

from gridcare.http.auth import Caller, require
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.rooms import room_of
from gridcare.http.routes import limited
from outage_notifier.ledger.core.delivery_id import DELIVERY_ID_PATTERN, read_delivery_id
from outage_notifier.receipts.flow.mark_received import mark_received
from outage_notifier.receipts.room import Marks

router = Router(prefix="/v1", tags=["inbox"])

Room = Annotated[Marks, Depends(room_of(Marks))]
Customer = Annotated[Caller, Depends(require("customer"))]


DELIVERY_NOT_FOUND = Refusal(404, "delivery-not-found", "There is no such delivery, or it is another customer's.")


@router.post("/deliveries/{delivery_id}/received", name="mark_received", status_code=204)
@limited("marks")
@refuses(DELIVERY_NOT_FOUND)
async def post_received(
    who: Customer, delivery_id: Annotated[str, Path(pattern=DELIVERY_ID_PATTERN)], room: Room
) -> Response:
    """Report that a push arrived, by the `delivery_id` in its data, as often as the app likes. No SMS follows then."""
    await mark_received(read_delivery_id(delivery_id), who.customer_codes, room=room)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
