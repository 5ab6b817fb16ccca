"""`phone` and `phone_change`: a customer's phones, and who changed them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gridcare.postgres.database import Connection
from outage_notifier.contacts.core.phone_book import Action, OwnPhone, PhoneBook

PRIMARY_FIRST: Final = "chosen DESC, preferred_at DESC NULLS LAST, phone_id"
"""The order of a customer's phones, as in core/phone_book.py."""

_OF_CUSTOMERS = f"""
SELECT customer_code, phone_id, number_sealed, number_index, masked, consent, opted_out_at IS NOT NULL AS opted_out, bad_reason,
       chosen, preferred_at, removed_at, removed_in_app
FROM phone WHERE customer_code = ANY($1::text[]) ORDER BY customer_code, {PRIMARY_FIRST}
"""
_SAVE = """
INSERT INTO phone AS p (customer_code, number_sealed, number_index, masked, consent, created_at, chosen, preferred_at,
    removed_at, removed_in_app, bad_reason)
SELECT c, s, i, m, k, $11, h, f, r, a, b
FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::bool[], $6::bool[], $7::timestamptz[], $8::timestamptz[],
    $9::bool[], $10::text[]) AS t (c, s, i, m, k, h, f, r, a, b)
ORDER BY c, i
ON CONFLICT (customer_code, number_index) DO UPDATE SET consent = excluded.consent,
    bad_reason = excluded.bad_reason, bad_at = CASE WHEN excluded.bad_reason IS NOT NULL THEN p.bad_at END,
    chosen = excluded.chosen, preferred_at = excluded.preferred_at, removed_at = excluded.removed_at,
    removed_in_app = excluded.removed_in_app
RETURNING customer_code, number_index, phone_id
"""
_SAVED = (
    *("customer_code", "number_sealed", "number_index", "masked", "consent"),
    *("chosen", "preferred_at", "removed_at", "removed_in_app", "bad_reason"),
)
_NOTE = """
INSERT INTO phone_change (customer_code, phone_id, action, replaced_phone_id, masked, made_by, made_at)
SELECT c, p, a, o, m, $6, $7 FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[]) AS t (c, p, a, o, m)
"""
_CHANGES = """
SELECT change_id, phone_id, action, replaced_phone_id, masked, made_by, made_at FROM phone_change
WHERE customer_code = $1 AND change_id < $2 ORDER BY change_id DESC LIMIT $3
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('phones:' || c, 0)) FROM unnest($1::text[]) AS c ORDER BY c"


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """One entry of the history of a customer's phones."""

    change_id: int
    phone_id: int
    action: Action
    replaced_phone_id: int | None
    masked: str
    made_by: str
    made_at: datetime


async def of_customer(tx: Connection, customer_code: str) -> list[OwnPhone]:
    """Read a customer's phones, removed ones too, the primary one first."""
    return [OwnPhone(**row) for row in await tx.fetch(_OF_CUSTOMERS, [customer_code])]


async def books(tx: Connection, customer_codes: Collection[str], *, in_app: bool) -> dict[str, PhoneBook]:
    """Read the phones of customers, and keep others from changing them until the transaction ends."""
    codes = sorted(set(customer_codes))
    await tx.execute(_LOCK, codes)
    phones: dict[str, list[OwnPhone]] = defaultdict(list)
    for row in await tx.fetch(_OF_CUSTOMERS, codes):
        phones[row["customer_code"]].append(OwnPhone(**row))
    return {code: PhoneBook(phones[code], in_app=in_app) for code in codes}


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
                notes.append((code, phone_id, change.action, old.phone_id if old else None, phone.masked))
    if notes:
        await tx.execute(_NOTE, *(list(column) for column in zip(*notes, strict=True)), made_by, now)


async def changes(tx: Connection, customer_code: str, *, before: int, limit: int) -> Sequence[PhoneChange]:
    """Read the history of a customer's phones, the newest change first."""
    return [PhoneChange(**row) for row in await tx.fetch(_CHANGES, customer_code, before, limit)]
