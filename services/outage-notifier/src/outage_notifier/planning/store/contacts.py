"""How recipients can be reached, and which contacts of a notice are spoken for; recipients.py says who they are."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.planning.core.choice import Contacts, Device, Phone, SharedContact
from outage_notifier.planning.core.page import Wanted
from outage_notifier.texts.languages import DEFAULT_LANGUAGE

Note = tuple[UUID, bytes, str]
"""A note of a shared contact: the notice, the contact's key, and who is to be told on it."""

SHARERS_MAX: Final = 1_000
"""How many who share a number are looked at before the first one will do: more have only a number that stands for none."""

_LANGUAGES = "SELECT customer_code, language FROM customer WHERE customer_code = ANY($1::text[])"
_PHONES = """
SELECT p.customer_code, p.phone_id, p.number_index, p.masked, p.consent,
       p.opted_out_at IS NOT NULL AS opted_out, p.bad_reason IS NOT NULL AS bad, p.verified,
       EXISTS (SELECT FROM phone o WHERE o.number_index = p.number_index AND o.customer_code <> p.customer_code
               AND o.removed_at IS NULL) AS shared
FROM phone p WHERE p.customer_code = ANY($1::text[]) AND p.removed_at IS NULL
ORDER BY p.chosen DESC, p.preferred_at DESC NULLS LAST, p.phone_id
"""
_DEVICES = """
SELECT c.customer_code, c.device_id::text,
       EXISTS (SELECT FROM device_customer o
               WHERE o.device_id = c.device_id AND o.customer_code <> c.customer_code) AS shared
FROM device_customer c
WHERE c.customer_code = ANY($1::text[]) AND NOT EXISTS (SELECT FROM device_aside a WHERE a.device_id = c.device_id)
ORDER BY c.device_id
"""
# The first one noted stays, but for one whose number nobody verified. Who was noted ahead has now come themselves.
_NOTE = """
INSERT INTO notice_contact AS n (notice_id, contact_key, recipient_id, verified, ahead)
SELECT $1, k, r, v, a FROM unnest($2::bytea[], $3::text[], $4::bool[], $5::bool[]) AS t (k, r, v, a) ORDER BY k
ON CONFLICT (notice_id, contact_key) DO UPDATE
SET recipient_id = excluded.recipient_id, verified = excluded.verified, ahead = excluded.ahead
WHERE (excluded.verified AND NOT n.verified) OR (excluded.recipient_id = n.recipient_id AND n.ahead AND NOT excluded.ahead)
"""
_SHARERS = """
SELECT DISTINCT s.customer_code FROM unnest($2::bytea[], $3::bool[], $4::bigint[]) AS k (contact_key, verified, phone_id)
CROSS JOIN LATERAL (
    SELECT p.customer_code FROM phone p
    WHERE p.number_index = k.contact_key AND p.customer_code > $5
      AND p.removed_at IS NULL AND p.consent AND p.opted_out_at IS NULL AND p.bad_reason IS NULL
      AND (NOT p.verified, p.phone_id) < (NOT k.verified, k.phone_id)
    ORDER BY NOT p.verified, p.phone_id LIMIT $6) s
WHERE NOT EXISTS (SELECT FROM notice_contact n WHERE n.notice_id = $1 AND n.contact_key = k.contact_key)
ORDER BY s.customer_code
"""
_NOTED = """
SELECT notice_id, contact_key, recipient_id FROM notice_contact
JOIN unnest($1::uuid[], $2::bytea[], $3::text[]) AS k (notice_id, contact_key, recipient_id)
    USING (notice_id, contact_key, recipient_id)
"""
_FREE_AHEAD = "DELETE FROM notice_contact WHERE notice_id = $1 AND ahead"
_FREE = """
DELETE FROM notice_contact n USING unnest($1::uuid[], $2::bytea[], $3::text[]) AS k (notice_id, contact_key, recipient_id)
WHERE n.notice_id = k.notice_id AND n.contact_key = k.contact_key AND n.recipient_id = k.recipient_id
"""
_OWNERS = "SELECT contact_key, recipient_id FROM notice_contact WHERE notice_id = $1 AND contact_key = ANY($2::bytea[])"


async def of_recipients(tx: Connection, recipient_ids: Sequence[str]) -> list[Contacts]:
    """Read the contacts of each recipient, in the given order; phones stay sealed."""
    languages = {row["customer_code"]: row["language"] for row in await tx.fetch(_LANGUAGES, recipient_ids)}
    phones: dict[str, list[Phone]] = defaultdict(list)
    for row in await tx.fetch(_PHONES, recipient_ids):
        phone = Phone(
            phone_id=row["phone_id"],
            contact_key=row["number_index"],
            masked=row["masked"],
            consent=row["consent"],
            opted_out=row["opted_out"],
            bad=row["bad"],
            shared=row["shared"],
            verified=row["verified"],
        )
        phones[row["customer_code"]].append(phone)
    devices: dict[str, list[Device]] = defaultdict(list)
    for row in await tx.fetch(_DEVICES, recipient_ids):
        devices[row["customer_code"]].append(Device(row["device_id"], row["shared"]))
    return [
        Contacts(
            recipient_id,
            languages.get(recipient_id, DEFAULT_LANGUAGE),
            tuple(devices.get(recipient_id, ())),
            tuple(phones.get(recipient_id, ())),
        )
        for recipient_id in recipient_ids
    ]


async def note(
    tx: Connection, notice_id: UUID, wanted: Sequence[Wanted], ahead: Sequence[Wanted] = ()
) -> dict[bytes, str]:
    """Note who is told of a notice on each shared contact: of those who want it the first in rank, unless one is noted.

    `ahead` are recipients of later pages. Return who is told on each.
    """
    first: dict[bytes, tuple[SharedContact, str, bool]] = {}
    of_all = [*((*each, False) for each in wanted), *((*each, True) for each in ahead)]
    for shared, recipient_id, is_ahead in sorted(of_all, key=lambda each: each[0].rank):
        first.setdefault(shared.contact_key, (shared, recipient_id, is_ahead))
    rows = [(key, recipient_id, shared.verified, late) for key, (shared, recipient_id, late) in first.items()]
    await tx.execute(_NOTE, notice_id, *(list(column) for column in zip(*rows, strict=True)))
    return {row["contact_key"]: row["recipient_id"] for row in await tx.fetch(_OWNERS, notice_id, list(first))}


async def sharers(tx: Connection, notice_id: UUID, shared: Sequence[SharedContact], *, after: str) -> list[str]:
    """Find customers after this one who have a usable phone in common with these, not noted yet, and come first on it."""
    columns = [(each.contact_key, each.verified, each.phone_id) for each in shared]
    rows = await tx.fetch(
        _SHARERS, notice_id, *(list(column) for column in zip(*columns, strict=True)), after, SHARERS_MAX
    )
    return [row["customer_code"] for row in rows]


async def noted(tx: Connection, notes: Sequence[Note]) -> set[Note]:
    """Return those of the notes that still stand."""
    rows = await tx.fetch(_NOTED, *_columns(notes))
    return {(row["notice_id"], row["contact_key"], row["recipient_id"]) for row in rows}


async def free(tx: Connection, notes: Sequence[Note]) -> None:
    """Free shared contacts: somebody else may be told on them now."""
    await tx.execute(_FREE, *_columns(notes))


async def free_ahead(tx: Connection, notice_id: UUID) -> None:
    """Free the contacts that were noted for recipients who did not come: whoever relies on them is told otherwise."""
    await tx.execute(_FREE_AHEAD, notice_id)


def _columns(notes: Sequence[Note]) -> tuple[list[UUID], list[bytes], list[str]]:
    return [note[0] for note in notes], [note[1] for note in notes], [note[2] for note in notes]
