"""How recipients can be reached, and which contacts of a notice are spoken for; recipients.py says who they are."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.planning.core.choice import Contacts, Device, Phone
from outage_notifier.texts.languages import DEFAULT_LANGUAGE

_LANGUAGES = "SELECT customer_code, language FROM customer WHERE customer_code = ANY($1::text[])"
_PHONES = """
SELECT p.customer_code, p.phone_id, p.number_index, p.masked, p.consent,
       p.opted_out_at IS NOT NULL AS opted_out, p.bad_reason IS NOT NULL AS bad,
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
_NOTE = """
INSERT INTO notice_contact (notice_id, contact_key, recipient_id)
SELECT $1, k, r FROM unnest($2::bytea[], $3::text[]) AS t (k, r) ORDER BY k
ON CONFLICT DO NOTHING
"""
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


async def note(tx: Connection, notice_id: UUID, wanted: Sequence[tuple[bytes, str]]) -> dict[bytes, str]:
    """Note who is told of a notice on each shared contact; the first one noted stays. Return who that is for each."""
    first: dict[bytes, str] = {}
    for key, recipient_id in wanted:
        first.setdefault(key, recipient_id)
    await tx.execute(_NOTE, notice_id, list(first), list(first.values()))
    return {row["contact_key"]: row["recipient_id"] for row in await tx.fetch(_OWNERS, notice_id, list(first))}


async def free(tx: Connection, notes: Sequence[tuple[UUID, bytes, str]]) -> None:
    """Free shared contacts, as (notice, contact, who was to be told on it): somebody else may be told on them now."""
    await tx.execute(_FREE, [note[0] for note in notes], [note[1] for note in notes], [note[2] for note in notes])
