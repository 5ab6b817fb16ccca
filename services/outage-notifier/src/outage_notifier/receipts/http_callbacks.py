"""Callbacks of the SMS provider: public, and trusted for their signature alone."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response, status

from gridcare.http.routes import public
from outage_notifier.dependencies import Wired
from outage_notifier.providers.twilio.sender import callback_address
from outage_notifier.receipts.flow.store_callback import CallbackDesk, RawCallback, store_callback

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])


@router.post("/twilio", status_code=status.HTTP_204_NO_CONTENT)
@public("Twilio signs its callbacks and has no token", any_query=True)
async def take_twilio_callback(
    request: Request,
    services: Wired,
    attempt: Annotated[str | None, Query(max_length=100)] = None,
    x_twilio_signature: Annotated[str, Header(max_length=100)] = "",
) -> Response:
    """Take Twilio's word on a message (its status callback, a form post). What follows from it is done by the worker."""
    settings = services.settings
    desk = CallbackDesk(
        db=services.db,
        clock=services.clock,
        vault=services.vault,
        address=callback_address(settings.public_url),
        auth_token=settings.twilio_auth_token.get_secret_value(),
    )
    raw = RawCallback(
        query=request.scope["query_string"].decode("latin-1"),
        body=await request.body(),
        signature=x_twilio_signature,
        attempt=attempt,
    )
    await store_callback(desk, raw)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
