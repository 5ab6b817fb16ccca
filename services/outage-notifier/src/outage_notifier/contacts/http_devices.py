"""Devices of the app: the app registers its device after each login, and removes it at logout."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response, status
from pydantic import Field

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.rooms import room_of
from gridcare.http.routes import limited
from outage_notifier.contacts.core.contact import REGISTRATION_PATTERN, DeviceKind, Platform
from outage_notifier.contacts.flow.devices import RegisterDevice, RemoveDevice, register_device, remove_device
from outage_notifier.contacts.room import Contacts

router = Router(prefix="/v1/devices", tags=["devices"])

Room = Annotated[Contacts, Depends(room_of(Contacts))]
Customer = Annotated[Caller, Depends(require("customer"))]


DEVICE_NOT_FOUND = Refusal(404, "device-not-found", "There is no such device, or it is another account's.")


class DeviceIn(Body):
    """An installation of the app, by the provider's name for it: a Firebase installation id, or an older token."""

    kind: DeviceKind
    registration: Annotated[str, Field(pattern=REGISTRATION_PATTERN)]
    platform: Platform


class DeviceOut(Body):
    """A registered device."""

    device_id: UUID


@router.post(
    "",
    name="register_device",
    status_code=201,
    responses={200: {"model": DeviceOut, "description": "It was registered before."}},
)
@limited("devices")
async def post_device(who: Customer, body: DeviceIn, room: Room, response: Response) -> DeviceOut:
    """Register a device, or move it here from another account; the same registration keeps its id.

    From now on it gets the messages of the customers whom the token names, and of nobody else.
    """
    command = RegisterDevice(
        account=who.sub,
        customer_codes=who.customer_codes,
        kind=body.kind,
        registration=body.registration,
        platform=body.platform,
    )
    registered = await register_device(command, room=room)
    if not registered.fresh:
        response.status_code = status.HTTP_200_OK
    return DeviceOut.of(registered)


@router.delete("/{device_id}", name="remove_device", status_code=204)
@refuses(DEVICE_NOT_FOUND)
async def delete_device(who: Customer, device_id: UUID, room: Room) -> Response:
    """Log a device out: it gets no more messages."""
    await remove_device(RemoveDevice(account=who.sub, device_id=device_id), room=room)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
