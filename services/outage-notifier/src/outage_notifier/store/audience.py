"""Reading an audience: recipients page by page, and how each can be reached."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gridcare.events.outages import Scope
from gridcare.postgres.database import Connection
from outage_notifier.core.audience import Device, Phone, Reach
from outage_notifier.core.delivery import TOLD

_IN_SCOPE = """(
    s.feeder_id = ANY($3::text[]) OR s.transformer_id = ANY($4::text[])
    OR s.ward_code = ANY($5::text[]) OR s.supply_point_id = ANY($6::text[])
)"""
_WAS_TOLD = "d.notice_id = ANY($7::uuid[]) AND d.state = ANY($8::text[])"
_POINT_OF_TOLD = f"EXISTS (SELECT FROM supply_point s WHERE s.customer_code = d.recipient_id AND {_IN_SCOPE})"

_PAGES = {
    "scope": f"""
        SELECT DISTINCT s.customer_code FROM supply_point s
        WHERE s.customer_code > $1 AND {_IN_SCOPE} AND ($7::uuid[], $8::text[]) IS NOT NULL
        ORDER BY s.customer_code LIMIT $2""",
    "scope_untold": f"""
        SELECT DISTINCT s.customer_code FROM supply_point s
        WHERE s.customer_code > $1 AND {_IN_SCOPE}
          AND NOT EXISTS (SELECT FROM delivery d WHERE d.recipient_id = s.customer_code AND {_WAS_TOLD})
        ORDER BY s.customer_code LIMIT $2""",
    "told": f"""
        SELECT DISTINCT d.recipient_id FROM delivery d
        WHERE d.recipient_id > $1 AND {_WAS_TOLD}
          AND ($3::text[], $4::text[], $5::text[], $6::text[]) IS NOT NULL
        ORDER BY d.recipient_id LIMIT $2""",
    "told_in_scope": f"""
        SELECT DISTINCT d.recipient_id FROM delivery d
        WHERE d.recipient_id > $1 AND {_WAS_TOLD} AND {_POINT_OF_TOLD}
        ORDER BY d.recipient_id LIMIT $2""",
    "told_outside_scope": f"""
        SELECT DISTINCT d.recipient_id FROM delivery d
        WHERE d.recipient_id > $1 AND {_WAS_TOLD} AND NOT {_POINT_OF_TOLD}
        ORDER BY d.recipient_id LIMIT $2""",
}

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
_EARLIER_NOTICES = "SELECT notice_id FROM notice WHERE outage_id = $1 AND revision < $2"

DEFAULT_LANGUAGE = "vi"


@dataclass(frozen=True, slots=True)
class AudienceRule:
    """Which recipients: a rule of `notice.audience_rule`, over a scope and the outage's earlier notices."""

    rule: str
    scope: Scope
    earlier: tuple[UUID, ...]


async def earlier_notices(tx: Connection, outage_id: UUID, revision: int) -> tuple[UUID, ...]:
    """Give the notices of an outage that were made by revisions before this one."""
    return tuple(row["notice_id"] for row in await tx.fetch(_EARLIER_NOTICES, outage_id, revision))


async def page(tx: Connection, audience: AudienceRule, *, after: str, limit: int) -> list[str]:
    """Give the next recipients in the order of their ids, each once, whatever their number of supply points."""
    query, parameters = page_query(audience, after=after, limit=limit)
    return [row[0] for row in await tx.fetch(query, *parameters)]


def page_query(audience: AudienceRule, *, after: str, limit: int) -> tuple[str, list[Any]]:
    """Give the statement of a page, one text column, and its parameters: what counts an audience uses it too."""
    scope = audience.scope
    parameters: list[Any] = [
        after,
        limit,
        list(scope.feeder_ids),
        list(scope.transformer_ids),
        list(scope.ward_codes),
        list(scope.supply_point_ids),
        list(audience.earlier),
        [state.value for state in TOLD],
    ]
    return _PAGES[audience.rule], parameters


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
