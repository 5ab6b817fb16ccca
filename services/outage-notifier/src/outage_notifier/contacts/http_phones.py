"""A customer's phones, in the app or by staff of ops: listed masked, added, replaced, removed, made the primary one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal, TypedDict

from fastapi import Depends, Path
from pydantic import Field

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page, Serial, decode_cursor, page_of
from gridcare.http.rooms import room_of
from gridcare.http.routes import limited
from outage_notifier.contacts.core.phone_book import Action, Maker, OwnPhone, PhoneChange
from outage_notifier.contacts.flow.phones import (
    NEWEST,
    AddPhone,
    OfPhone,
    ReplacePhone,
    add_phone,
    list_phone_changes,
    list_phones,
    prefer_phone,
    remove_phone,
    replace_phone,
)
from outage_notifier.contacts.room import Contacts

router = Router(prefix="/v1/customers/{customer_code}/phones", tags=["phones"])

Room = Annotated[Contacts, Depends(room_of(Contacts))]
Code = Annotated[str, Path(max_length=64)]
PhoneId = Annotated[int, Path(ge=1, le=NEWEST)]
Number = Annotated[str, Field(max_length=30)]

CUSTOMER_NOT_FOUND = Refusal(404, "customer-not-found", "The caller may not name this customer.")
PHONE_NOT_FOUND = Refusal(404, "phone-not-found", "The customer has no such phone.")
TOO_MANY_PHONES = Refusal(
    409, "too-many-phones", "The customer already has as many phones as allowed. Remove one first."
)
TOO_MANY_NEW_PHONES = Refusal(
    409,
    "too-many-new-phones",
    "The customer already added as many new numbers in a year as allowed. The distributor's staff can add one.",
)
INVALID_PHONE = Refusal(422, "invalid-phone", "The number is not a Vietnamese mobile number that can get an SMS.")

ChangedBy = Literal["you", "holder", "staff", "unknown"]
"""Who changed a phone: the caller; a holder of the customer code (if a customer asks: another one); the distributor, by its
staff or an import; or somebody of whom that was not kept yet."""

_CHANGED_BY: Final[Mapping[Maker | None, ChangedBy]] = {
    "customer": "holder",
    "staff": "staff",
    "import": "staff",
    None: "unknown",
}

PhoneState = Literal["usable", "opted_out", "unreachable"]
"""Whether messages go to it; if not: its owner refused them, or no message can reach it."""


class PhoneIn(Body):
    """A mobile number, as it is typed in Vietnam or with a country code; `primary`: messages go to it first."""

    number: Number
    primary: bool = False


class ReplacementIn(Body):
    """The number that takes the phone's place."""

    number: Number


class PhoneOut(Body):
    """A phone; `masked` is what may be shown of its number."""

    phone_id: int
    masked: str
    primary: bool
    state: PhoneState


class PhoneChangeOut(Body):
    """A change of a phone: `replaced_phone_id` is the one whose place it took."""

    phone_id: int
    action: Action
    replaced_phone_id: int | None
    masked: str
    made_by: ChangedBy
    subject: Annotated[str | None, Field(description="Of the token that made the change; staff alone are told.")]
    made_at: datetime


def _holder(who: Annotated[Caller, Depends(require("customer", any_customer=("ops",)))], customer_code: Code) -> Caller:
    """Return a caller who may see the customer whom the path names. Raises NotFound `customer-not-found`."""
    who.must_see(customer_code, "customer-not-found")
    return who


Holder = Annotated[Caller, Depends(_holder)]


@router.get("", name="list_phones")
@refuses(CUSTOMER_NOT_FOUND)
async def get_phones(_: Holder, customer_code: Code, room: Room) -> Page[PhoneOut]:
    """List a customer's phones, the primary one first."""
    return _page(await list_phones(customer_code, room=room))


@router.post("", name="add_phone")
@limited("phones")
@refuses(CUSTOMER_NOT_FOUND, TOO_MANY_PHONES, TOO_MANY_NEW_PHONES, INVALID_PHONE)
async def post_phone(who: Holder, customer_code: Code, body: PhoneIn, room: Room) -> Page[PhoneOut]:
    """Add a phone; one that is there stays as it is, one that was removed comes back. Returns all phones."""
    command = AddPhone(**_made(who, customer_code), number=body.number, primary=body.primary)
    return _page(await add_phone(command, room=room))


@router.get("/changes", name="list_phone_changes")  # before the paths of a phone, whose methods are not its own
@refuses(CUSTOMER_NOT_FOUND)
async def get_phone_changes(
    who: Holder, customer_code: Code, room: Room, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Page[PhoneChangeOut]:
    """List who changed which phone of a customer and when, by the app or by an import, the newest change first.

    Who of the staff it was, or which other holder of the customer code, is for staff alone.
    """
    before = decode_cursor(cursor, Serial)
    changes, following = await list_phone_changes(customer_code, before=before, limit=limit, room=room)
    return page_of([_change_out(change, who) for change in changes], following)


@router.put("/{phone_id}", name="replace_phone")
@limited("phones")
@refuses(CUSTOMER_NOT_FOUND, PHONE_NOT_FOUND, TOO_MANY_NEW_PHONES, INVALID_PHONE)
async def put_phone(
    who: Holder, customer_code: Code, phone_id: PhoneId, body: ReplacementIn, room: Room
) -> Page[PhoneOut]:
    """Replace a phone: the new number takes its place, and nothing is sent to the old one any more. Returns all phones."""
    command = ReplacePhone(**_made(who, customer_code), phone_id=phone_id, number=body.number)
    return _page(await replace_phone(command, room=room))


@router.delete("/{phone_id}", name="remove_phone")
@limited("phones")
@refuses(CUSTOMER_NOT_FOUND, PHONE_NOT_FOUND)
async def delete_phone(who: Holder, customer_code: Code, phone_id: PhoneId, room: Room) -> Page[PhoneOut]:
    """Remove a phone: nothing is sent to it any more, and no import brings it back. Returns the others."""
    command = OfPhone(**_made(who, customer_code), phone_id=phone_id)
    return _page(await remove_phone(command, room=room))


@router.put("/{phone_id}/primary", name="prefer_phone")
@limited("phones")
@refuses(CUSTOMER_NOT_FOUND, PHONE_NOT_FOUND)
async def put_primary_phone(who: Holder, customer_code: Code, phone_id: PhoneId, room: Room) -> Page[PhoneOut]:
    """Make a phone the primary one; an import no longer changes that. Returns all phones."""
    command = OfPhone(**_made(who, customer_code), phone_id=phone_id)
    return _page(await prefer_phone(command, room=room))


class _Made(TypedDict):
    customer_code: str
    made_by: str
    made_as: Maker


def _made(who: Caller, customer_code: str) -> _Made:
    made_as: Maker = "customer" if customer_code in who.customer_codes else "staff"
    return {"customer_code": customer_code, "made_by": who.sub, "made_as": made_as}


def _change_out(change: PhoneChange, who: Caller) -> PhoneChangeOut:
    made_by: ChangedBy = "you" if change.made_by == who.sub else _CHANGED_BY[change.made_as]
    return PhoneChangeOut.of(change, made_by=made_by, subject=change.made_by if who.any_customer else None)


def _page(phones: list[OwnPhone]) -> Page[PhoneOut]:
    shown = [PhoneOut.of(phone, primary=at == 0, state=_state(phone)) for at, phone in enumerate(phones)]
    return page_of(shown, None)


def _state(phone: OwnPhone) -> PhoneState:
    if phone.opted_out or not phone.consent:
        return "opted_out"
    return "unreachable" if phone.bad_reason else "usable"
