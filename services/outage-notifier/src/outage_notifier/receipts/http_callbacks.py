"""Callbacks of the SMS provider: public, and trusted only by their signature."""

from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response, status

from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.rooms import room_of
from gridcare.http.routes import public
from outage_notifier.receipts.flow.store_callback import StoreCallback, refuse_unsigned, store_callback
from outage_notifier.receipts.room import Callbacks

router = Router(prefix="/v1/callbacks", tags=["callbacks"])

Room = Annotated[Callbacks, Depends(room_of(Callbacks))]


BAD_SIGNATURE = Refusal(403, "bad-signature", "The post is not signed by the provider.")
NOT_A_STATUS_CALLBACK = Refusal(400, "not-a-status-callback", "The post names no message and status.")


@router.post("/twilio", name="store_callback", status_code=status.HTTP_204_NO_CONTENT)
@public("Twilio signs its callbacks and has no token", any_query=True)
@refuses(BAD_SIGNATURE, NOT_A_STATUS_CALLBACK)
async def post_twilio_callback(
    request: Request,
    room: Room,
    attempt: Annotated[str | None, Query(max_length=100)] = None,
    x_twilio_signature: Annotated[str, Header(max_length=100)] = "",
) -> Response:
    """Receive a Twilio status callback (a form post) and store it. The worker applies it."""
    refuse_unsigned(x_twilio_signature)
    command = StoreCallback(
        query=request.scope["query_string"].decode("latin-1"),
        body=await request.body(),
        signature=x_twilio_signature,
        attempt=attempt,
    )
    await store_callback(command, room=room)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
