"""Choose the language in which an account's customers are written to."""

from collections.abc import Collection

from gridcare.errors import Forbidden
from outage_notifier.contacts.room import Contacts
from outage_notifier.contacts.store import customer


async def choose_language(customer_codes: Collection[str], language: str, *, room: Contacts) -> None:
    """Write the language of each customer; imports leave it alone from now on. Raises Forbidden `no-customer-codes`."""
    if not customer_codes:
        raise Forbidden("no-customer-codes", "the token names no customer whose language could be chosen")
    async with room.db.transaction() as tx:
        await customer.choose_language(tx, customer_codes, language)
