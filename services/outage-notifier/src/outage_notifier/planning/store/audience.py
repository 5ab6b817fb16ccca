"""How recipients can be reached, and which contacts of a notice are spoken for; recipients.py says who they are."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.planning.core.audience import Device, Phone, Reach

_LANGUAGES = "SELECT customer_code, language FROM customer WHERE customer_code = ANY($1::text[])"
_PHONES = """
SELECT p.customer_code, p.phone_id, p.number_index, p.masked, p.consent,
       p.opted_out_at IS NOT NULL AS opted_out, p.bad_reason IS NOT NULL AS bad,
       EXISTS (SELECT FROM phone o WHERE o.number_index = p.number_index AND o.customer_code <> p.customer_code) AS shared
FROM phone p WHERE p.customer_code = ANY($1::text[]) ORDER BY p.phone_id
"""
_DEVICES = """
SELECT c.customer_code, c.device_id,
       EXISTS (SELECT FROM device_customer o
               WHERE o.device_id = c.device_id AND o.customer_code <> c.customer_code) AS shared
FROM device_customer c WHERE c.customer_code = ANY($1::text[]) ORDER BY c.device_id
"""
_NOTE = """
INSERT INTO notice_contact (notice_id, contact_key, recipient_id)
SELECT $1, k, r FROM unnest($2::bytea[], $3::text[]) AS t (k, r) ORDER BY k
ON CONFLICT DO NOTHING
"""
_OWNERS = "SELECT contact_key, recipient_id FROM notice_contact WHERE notice_id = $1 AND contact_key = ANY($2::bytea[])"

DEFAULT_LANGUAGE = "vi"


async def reach(tx: Connection, recipients: Sequence[str]) -> list[Reach]:
    """Give how each recipient can be reached, in the order asked; phones stay sealed."""
    languages = {row[0]: row[1] for row in await tx.fetch(_LANGUAGES, recipients)}
    phones: dict[str, list[Phone]] = defaultdict(list)
    for row in await tx.fetch(_PHONES, recipients):
        phones[row[0]].append(Phone(*row[1:]))
    devices: dict[str, list[Device]] = defaultdict(list)
    for row in await tx.fetch(_DEVICES, recipients):
        devices[row[0]].append(Device(str(row[1]), row[2]))
    return [
        Reach(r, languages.get(r, DEFAULT_LANGUAGE), tuple(devices.get(r, ())), tuple(phones.get(r, ())))
        for r in recipients
    ]


async def note_contacts(tx: Connection, notice_id: UUID, wanted: Sequence[tuple[bytes, str]]) -> dict[bytes, str]:
    """Note who is told on each shared contact; the first one stays. Gives each contact's owner."""
    if not wanted:
        return {}
    first: dict[bytes, str] = {}
    for key, recipient in wanted:
        first.setdefault(key, recipient)
    await tx.execute(_NOTE, notice_id, list(first), list(first.values()))
    return {row[0]: row[1] for row in await tx.fetch(_OWNERS, notice_id, list(first))}
