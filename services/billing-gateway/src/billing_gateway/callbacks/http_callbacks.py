"""Callbacks of payment providers: public, and trusted for their signature alone."""

from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Request

from billing_gateway.callbacks.core import Verdict
from billing_gateway.callbacks.flow.handle_provider_event import handle_provider_event
from billing_gateway.callbacks.flow.take_callback import take_callback
from billing_gateway.dependencies import Wired
from billing_gateway.wiring import Services
from gridcare.errors import Retryable
from gridcare.http.body import Body
from gridcare.http.routes import public
from gridcare.observability.logging import get_logger

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])

logger = get_logger()


class VnpayAnswer(Body):
    """What VNPay reads, in its own names and always with HTTP status 200."""

    RspCode: str
    Message: str


@router.get("/vnpay")
@public("VNPay signs its callbacks and has no token", any_query=True)
async def get_vnpay_callback(request: Request, services: Wired, afterwards: BackgroundTasks) -> VnpayAnswer:
    """Take VNPay's word on an order (its IPN). What follows from it is done right after the answer, from the stored row."""
    try:
        taken = await take_callback(services.desk, "vnpay", request.scope["query_string"])
    except Retryable as error:  # not stored: VNPay calls again in five minutes
        logger.warning("callback_not_stored", error_class=type(error.__cause__ or error).__name__)
        return _answer(services, Verdict.NOT_UNDERSTOOD)
    if taken.provider_event_id is not None:
        afterwards.add_task(_work, services, taken.provider_event_id)
    return _answer(services, taken.verdict)


async def _work(services: Services, provider_event_id: UUID) -> None:
    try:
        await handle_provider_event(services.desk, provider_event_id)
    except Retryable as error:  # the worker takes it up within seconds
        logger.warning("callback_left_to_worker", error_class=type(error.__cause__ or error).__name__)


def _answer(services: Services, verdict: Verdict) -> VnpayAnswer:
    code, message = services.desk.providers["vnpay"].answer(verdict)
    return VnpayAnswer(RspCode=code, Message=message)
