"""A customer's own phones, changed in the app: added, replaced, removed, made the primary one. Each may be asked for again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from gridcare.errors import Conflict, NotFound, Unprocessable
from gridcare.postgres.database import Connection
from gridcare.values.pages import cut_page
from gridcare.values.phone import InvalidPhone, mask, parse_mobile
from outage_notifier.contacts import vault
from outage_notifier.contacts.core.phone_book import PHONES_MAX, Maker, OwnPhone, PhoneBook, PhoneChange
from outage_notifier.contacts.room import Contacts
from outage_notifier.contacts.store import phone

NEWEST: Final = 2**63 - 1
"""Later than every change."""

YEAR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePhones:
    """Who changes which customer's phones: the subject of a token, as what."""

    customer_code: str
    made_by: str
    made_as: Maker


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPhone(ChangePhones):
    """Add a number, as it was typed; `primary`: messages go to it first."""

    number: str = field(repr=False)
    primary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacePhone(ChangePhones):
    """Let a number, as it was typed, take a phone's place."""

    phone_id: int
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPhone(ChangePhones):
    """Remove a phone, or make it the primary one."""

    phone_id: int


async def list_phones(customer_code: str, *, room: Contacts) -> list[OwnPhone]:
    """Return a customer's phones, the primary one first."""
    async with room.db.read() as connection:
        return await phone.of_customer(connection, customer_code)


async def list_phone_changes(
    customer_code: str, *, before: int | None, limit: int, room: Contacts
) -> tuple[Sequence[PhoneChange], int | None]:
    """Return a page of the history of a customer's phones, the newest change first, and where the next page starts."""
    async with room.db.read() as connection:
        found = await phone.changes(connection, customer_code, before=before or NEWEST, limit=limit + 1)
    return cut_page(found, limit, lambda change: change.change_id)


async def add_phone(command: AddPhone, *, room: Contacts) -> list[OwnPhone]:
    """Add a phone. Raises Unprocessable `invalid-phone`, and Conflict `too-many-phones` and `too-many-new-phones`."""
    new = _sealed(command.customer_code, command.number, room)
    async with room.db.transaction() as tx:
        book = await _open(tx, command, number=new.number_index)
        await _admit(tx, book, command, new, room)
        book.add(new, now=room.clock.now())
        if command.primary:
            book.prefer(new.number_index, now=room.clock.now())
        if len(book.live) > PHONES_MAX:
            raise Conflict("too-many-phones", f"a customer has at most {PHONES_MAX} phones")
        return await _save(tx, book, command, room)


async def replace_phone(command: ReplacePhone, *, room: Contacts) -> list[OwnPhone]:
    """Replace a phone; the other one takes its place.

    Raises Unprocessable `invalid-phone`, NotFound `phone-not-found`, and Conflict `too-many-new-phones`.
    """
    new = _sealed(command.customer_code, command.number, room)
    async with room.db.transaction() as tx:
        book = await _open(tx, command, number=new.number_index, phone_id=command.phone_id)
        old = _own(book, command.phone_id)
        taken = book.find(new.number_index)
        if old.removed_at is None:
            await _admit(tx, book, command, new, room)
            book.replace(old.number_index, new, now=room.clock.now())
        elif taken is None or taken.removed_at is not None:  # else it was replaced before, by this number
            raise _not_found()
        return await _save(tx, book, command, room)


async def remove_phone(command: OfPhone, *, room: Contacts) -> list[OwnPhone]:
    """Remove a phone: nothing is sent to it any more. Raises NotFound `phone-not-found`."""
    async with room.db.transaction() as tx:
        book = await _open(tx, command, phone_id=command.phone_id)
        own = _own(book, command.phone_id)
        book.remove(own.number_index, now=room.clock.now())
        return await _save(tx, book, command, room)


async def prefer_phone(command: OfPhone, *, room: Contacts) -> list[OwnPhone]:
    """Make a phone the primary one. Raises NotFound `phone-not-found`."""
    async with room.db.transaction() as tx:
        book = await _open(tx, command, phone_id=command.phone_id)
        own = _own(book, command.phone_id)
        if own.removed_at is not None:
            raise _not_found()
        book.prefer(own.number_index, now=room.clock.now())
        return await _save(tx, book, command, room)


def _own(book: PhoneBook, phone_id: int) -> OwnPhone:
    own = book.with_id(phone_id)
    if own is None:
        raise _not_found()
    return own


def _not_found() -> NotFound:
    return NotFound("phone-not-found", "there is no such phone")


def _sealed(customer_code: str, number: str, room: Contacts) -> OwnPhone:
    try:
        e164 = parse_mobile(number)
    except InvalidPhone as error:
        raise Unprocessable("invalid-phone", error.reason) from None
    return OwnPhone(
        customer_code=customer_code,
        number_sealed=room.vault.seal(e164.encode(), vault.PHONE, row=customer_code),
        number_index=room.vault.index(e164, vault.PHONE),
        masked=mask(e164),
        consent=True,
    )


async def _open(
    tx: Connection, command: ChangePhones, *, number: bytes | None = None, phone_id: int | None = None
) -> PhoneBook:
    numbers = [] if number is None else [number]
    opened = await phone.books(tx, [command.customer_code], maker=command.made_as, numbers=numbers, phone_id=phone_id)
    return opened[command.customer_code]


async def _admit(tx: Connection, book: PhoneBook, command: ChangePhones, new: OwnPhone, room: Contacts) -> None:
    """Raise Conflict `too-many-new-phones` if the customer has typed as many numbers in a year as one may.

    Each stays known, even when it is removed: without an end to them a table would have none either.
    """
    if command.made_as != "customer" or book.find(new.number_index) is not None:
        return
    typed = await phone.new_numbers(tx, command.customer_code, since=room.clock.now() - YEAR)
    if typed >= room.new_phones_per_year_max:
        raise Conflict("too-many-new-phones", f"at most {room.new_phones_per_year_max} new numbers in a year")


async def _save(tx: Connection, book: PhoneBook, command: ChangePhones, room: Contacts) -> list[OwnPhone]:
    await phone.save(tx, {command.customer_code: book}, made_by=command.made_by, now=room.clock.now())
    return await phone.of_customer(tx, command.customer_code)
