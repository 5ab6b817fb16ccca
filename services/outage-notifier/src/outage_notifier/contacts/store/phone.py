"""`phone` and `phone_change`: a customer's phones, and who changed them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from gridcare.postgres.database import Connection
from outage_notifier.contacts.core.phone_book import Maker, OwnPhone, PhoneBook, PhoneChange

PRIMARY_FIRST: Final = "chosen DESC, preferred_at DESC NULLS LAST, phone_id"
"""The order of a customer's phones, as in core/phone_book.py."""

_PHONE = """
SELECT customer_code, phone_id, number_sealed, number_index, masked, consent, opted_out_at IS NOT NULL AS opted_out, bad_reason,
       chosen, preferred_at, removed_at, removed_in_app, verified
FROM phone"""
_LIVE = f"{_PHONE} WHERE customer_code = $1 AND removed_at IS NULL ORDER BY {PRIMARY_FIRST}"
_LIVE_OR_NAMED = f"""{_PHONE}
WHERE customer_code = ANY($1::text[]) AND (removed_at IS NULL OR number_index = ANY($2::bytea[]) OR phone_id = $3)
"""
_NEW_NUMBERS = """
SELECT count(*) FROM phone WHERE customer_code = $1 AND created_at > $2 AND NOT verified
"""
_SAVE = """
INSERT INTO phone AS p (customer_code, number_sealed, number_index, masked, consent, created_at, chosen, preferred_at,
    removed_at, removed_in_app, bad_reason, verified)
SELECT c, s, i, m, k, $12, h, f, r, a, b, v
FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::bool[], $6::bool[], $7::timestamptz[], $8::timestamptz[],
    $9::bool[], $10::text[], $11::bool[]) AS t (c, s, i, m, k, h, f, r, a, b, v)
ORDER BY c, i
ON CONFLICT (customer_code, number_index) DO UPDATE SET consent = excluded.consent,
    bad_reason = excluded.bad_reason, bad_at = CASE WHEN excluded.bad_reason IS NOT NULL THEN p.bad_at END,
    chosen = excluded.chosen, preferred_at = excluded.preferred_at, removed_at = excluded.removed_at,
    removed_in_app = excluded.removed_in_app, verified = excluded.verified
RETURNING customer_code, number_index, phone_id
"""
_SAVED = (
    *("customer_code", "number_sealed", "number_index", "masked", "consent"),
    *("chosen", "preferred_at", "removed_at", "removed_in_app", "bad_reason", "verified"),
)
_NOTE = """
INSERT INTO phone_change (customer_code, phone_id, action, replaced_phone_id, masked, made_as, made_by, made_at)
SELECT c, p, a, o, m, k, $7, $8
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[]) AS t (c, p, a, o, m, k)
"""
_CHANGES = """
SELECT change_id, phone_id, action, replaced_phone_id, masked, made_by, made_as, made_at FROM phone_change
WHERE customer_code = $1 AND change_id < $2 ORDER BY change_id DESC LIMIT $3
"""
_FORGET = "SELECT forget_phone_changes($1::timestamptz - make_interval(months => $2), $3)"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('phones:' || c, 0)) FROM unnest($1::text[]) AS c ORDER BY c"


async def of_customer(tx: Connection, customer_code: str) -> list[OwnPhone]:
    """Read a customer's phones that were not removed, the primary one first."""
    return [OwnPhone(**row) for row in await tx.fetch(_LIVE, customer_code)]


async def new_numbers(tx: Connection, customer_code: str, *, since: datetime) -> int:
    """Count the numbers that a customer was first given after a time and that the distributor did not bring."""
    number: int = await tx.fetchval(_NEW_NUMBERS, customer_code, since)
    return number


async def books(
    tx: Connection,
    customer_codes: Collection[str],
    *,
    maker: Maker,
    numbers: Collection[bytes] = (),
    phone_id: int | None = None,
) -> dict[str, PhoneBook]:
    """Read the phones of customers, and keep others from changing them until the transaction ends.

    Of removed ones, those alone that have one of these numbers (by index) or this id: a customer may have had any number.
    """
    codes = sorted(set(customer_codes))
    await tx.execute(_LOCK, codes)
    phones: dict[str, list[OwnPhone]] = defaultdict(list)
    for row in await tx.fetch(_LIVE_OR_NAMED, codes, list(numbers), phone_id):
        phones[row["customer_code"]].append(OwnPhone(**row))
    return {code: PhoneBook(phones[code], maker=maker) for code in codes}


async def save(tx: Connection, opened: dict[str, PhoneBook], *, made_by: str, now: datetime) -> None:
    """Write what changed, and note it in the history."""
    changed = [phone for book in opened.values() for phone in book.changed]
    if not changed:
        return
    columns = [[getattr(each, name) for each in changed] for name in _SAVED]
    rows = await tx.fetch(_SAVE, *columns, now)
    ids = {(row["customer_code"], row["number_index"]): row["phone_id"] for row in rows}
    notes = []
    for code, book in opened.items():
        for change in book.changes:
            phone = book.find(change.number_index)
            phone_id = ids.get((code, change.number_index)) or (phone.phone_id if phone else None)
            old = book.find(change.replaced) if change.replaced else None
            if phone is not None:
                replaced_id = old.phone_id if old else None
                notes.append((code, phone_id, change.action, replaced_id, phone.masked, book.maker))
    if notes:
        await tx.execute(_NOTE, *(list(column) for column in zip(*notes, strict=True)), made_by, now)


async def changes(tx: Connection, customer_code: str, *, before: int, limit: int) -> Sequence[PhoneChange]:
    """Read the history of a customer's phones, the newest change first."""
    return [PhoneChange(**row) for row in await tx.fetch(_CHANGES, customer_code, before, limit)]


async def forget_changes(tx: Connection, *, now: datetime, kept_months: int, limit: int) -> int:
    """Delete changes that were made so many months ago, at most `limit`, and return how many."""
    gone: int = await tx.fetchval(_FORGET, now, kept_months, limit)
    return gone
