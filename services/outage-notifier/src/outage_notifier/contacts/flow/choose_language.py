"""Choose the language in which an account's customers are written to."""

from dataclasses import dataclass

from gridcare.errors import Forbidden
from outage_notifier.contacts.room import Contacts
from outage_notifier.contacts.store import customer
from outage_notifier.texts.languages import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseLanguage:
    """Write to these customers in this language."""

    customer_codes: frozenset[str]
    language: Language


async def choose_language(command: ChooseLanguage, *, room: Contacts) -> None:
    """Save the language of each customer; imports leave it alone from now on. Raises Forbidden `no-customer-codes`."""
    if not command.customer_codes:
        raise Forbidden("no-customer-codes", "the token names no customer whose language could be chosen")
    async with room.db.transaction() as tx:
        await customer.choose_language(tx, command.customer_codes, command.language)
