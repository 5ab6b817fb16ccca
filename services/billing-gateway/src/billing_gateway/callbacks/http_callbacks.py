"""Callbacks of payment providers: public, and trusted only by their signature."""

from typing import Annotated
from uuid import UUID

from fastapi import BackgroundTasks, Depends, Request

from billing_gateway.callbacks.flow.handle_provider_event import handle_fresh_event
from billing_gateway.callbacks.flow.store_callback import StoreCallback, store_callback
from billing_gateway.callbacks.room import Callbacks
from billing_gateway.providers.core import Verdict
from gridcare.errors import Retryable
from gridcare.http.body import Body
from gridcare.http.guard import Router
from gridcare.http.rooms import room_of
from gridcare.http.routes import public
from gridcare.observability.logging import get_logger

router = Router(prefix="/v1/callbacks", tags=["callbacks"])

Room = Annotated[Callbacks, Depends(room_of(Callbacks))]

logger = get_logger()


class CallbackOut(Body):
    """What VNPay reads, in its own names and always with HTTP status 200."""

    RspCode: str
    Message: str


@router.get("/vnpay", name="store_callback")
@public("VNPay signs its callbacks and has no token", any_query=True)
async def get_vnpay_callback(request: Request, room: Room, afterwards: BackgroundTasks) -> CallbackOut:
    """Take VNPay's callback about an order (its IPN). It is handled right after the answer, from the stored row."""
    try:
        stored = await store_callback(StoreCallback(provider="vnpay", raw=request.scope["query_string"]), room=room)
    except Retryable as error:  # not stored: VNPay calls again in five minutes
        logger.warning("callback_not_stored", error_class=type(error.__cause__ or error).__name__)
        return _answer(room, Verdict.NOT_UNDERSTOOD)
    if stored.provider_event_id is not None:
        afterwards.add_task(_handle, room, stored.provider_event_id)
    return _answer(room, stored.verdict)


async def _handle(room: Callbacks, provider_event_id: UUID) -> None:
    try:
        await handle_fresh_event(provider_event_id, room=room)
    except Retryable as error:  # the worker takes it up within seconds
        logger.warning("callback_left_to_worker", error_class=type(error.__cause__ or error).__name__)


def _answer(room: Callbacks, verdict: Verdict) -> CallbackOut:
    code, message = room.providers["vnpay"].answer(verdict)
    return CallbackOut(RspCode=code, Message=message)
