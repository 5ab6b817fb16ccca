"""What customers choose: the language in which they are written to."""

from typing import Annotated

from fastapi import Depends

from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.rooms import room_of
from outage_notifier.contacts.flow.choose_language import ChooseLanguage, choose_language
from outage_notifier.contacts.room import Contacts
from outage_notifier.texts.languages import Language

router = Router(prefix="/v1/preferences", tags=["preferences"])

Room = Annotated[Contacts, Depends(room_of(Contacts))]
Customer = Annotated[Caller, Depends(require("customer"))]


NO_CUSTOMER_CODES = Refusal(403, "no-customer-codes", "The token names no customer whose language could be chosen.")


class LanguageIn(Body):
    """A language that messages are written in: Vietnamese, Khmer, Chinese or English."""

    language: Language


class LanguageOut(Body):
    """The language that was chosen."""

    language: Language


@router.put("/language", name="choose_language")
@refuses(NO_CUSTOMER_CODES)
async def put_language(who: Customer, body: LanguageIn, room: Room) -> LanguageOut:
    """Choose the language for every customer whom the token names; an import no longer changes it."""
    await choose_language(ChooseLanguage(customer_codes=who.customer_codes, language=body.language), room=room)
    return LanguageOut.of(body)
