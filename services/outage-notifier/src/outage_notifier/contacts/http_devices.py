"""Devices of the app: it registers itself after each login, and removes itself when its person logs out."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response, status
from pydantic import Field

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from outage_notifier.contacts.core.imported import REGISTRATION_PATTERN
from outage_notifier.contacts.flow.register_device import Registration, register_device
from outage_notifier.contacts.flow.remove_device import remove_device
from outage_notifier.dependencies import Wired

router = APIRouter(prefix="/v1/devices", tags=["devices"])

Customer = Annotated[Caller, Depends(require("customer"))]


class DeviceIn(Body):
    """An installation of the app, by the provider's name for it: a Firebase installation id, or an older token."""

    kind: Literal["fid", "token"]
    registration: Annotated[str, Field(pattern=REGISTRATION_PATTERN)]
    platform: Literal["android", "ios"]


class DeviceOut(Body):
    """A registered device."""

    device_id: UUID


@router.post("", status_code=201, responses={200: {"model": DeviceOut, "description": "It was registered before."}})
async def post_device(who: Customer, body: DeviceIn, services: Wired, response: Response) -> DeviceOut:
    """Register a device, or move it here from another account; the same registration keeps its id.

    From now on it gets the messages of the customers whom the token names, and of nobody else.
    """
    asked = Registration(who.sub, who.customer_codes, body.kind, body.registration, body.platform)
    done = await register_device(services.db, services.clock, services.vault, asked)
    if not done.fresh:
        response.status_code = status.HTTP_200_OK
    return DeviceOut(device_id=done.device_id)


@router.delete("/{device_id}", status_code=204)
async def delete_device(who: Customer, device_id: UUID, services: Wired) -> Response:
    """Log a device out: it gets no message any more."""
    await remove_device(services.db, device_id, account=who.sub)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
