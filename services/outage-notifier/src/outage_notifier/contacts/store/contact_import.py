"""Writing imported contacts: COPY into a temporary table, then one merge into each table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gridcare.postgres.database import Connection
from outage_notifier.contacts.core.contact import DeviceKind, Platform, Segment
from outage_notifier.texts.languages import Language


@dataclass(frozen=True, slots=True)
class StagedContact:
    """What one line of contacts says of a customer, sealed; phone.py keeps what it says of a phone."""

    customer_code: str
    language: Language
    segment: Segment | None
    name_sealed: bytes | None


@dataclass(frozen=True, slots=True)
class StagedDevice:
    """One line of devices, sealed; `device_id` is for a registration that is new."""

    device_id: UUID
    customer_code: str
    kind: DeviceKind
    registration_sealed: bytes
    registration_index: bytes
    platform: Platform


# No release gave this name to a table with other columns: a pooler may lend a session that still has an older table.
_STAGE_CUSTOMERS = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_customer_line (
    position int, customer_code text COLLATE "C", language text, segment text, name_sealed bytea
) ON COMMIT DELETE ROWS
"""
# Of several lines about a customer the last one with a value counts; a file without segments removes none.
_MERGE_CUSTOMERS = """
WITH staged AS MATERIALIZED (
    SELECT customer_code, (array_agg(language ORDER BY position DESC))[1] AS language,
           (array_agg(segment ORDER BY position DESC) FILTER (WHERE segment IS NOT NULL))[1] AS segment,
           (array_agg(name_sealed ORDER BY position DESC) FILTER (WHERE name_sealed IS NOT NULL))[1] AS name_sealed
    FROM staged_customer_line GROUP BY customer_code
), known AS (
    SELECT c.customer_code, c.segment FROM customer c JOIN staged USING (customer_code)
)
INSERT INTO customer AS c (customer_code, language, segment, name_sealed)
SELECT customer_code, s.language, coalesce(s.segment, known.segment, 'ordinary'), s.name_sealed
FROM staged s LEFT JOIN known USING (customer_code) ORDER BY customer_code
ON CONFLICT (customer_code) DO UPDATE SET
    language = CASE WHEN c.language_chosen THEN c.language ELSE excluded.language END,
    segment = excluded.segment, name_sealed = coalesce(excluded.name_sealed, c.name_sealed)
"""
_STAGE_DEVICES = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_device (
    device_id uuid, customer_code text COLLATE "C", kind text, registration_sealed bytea, registration_index bytea,
    platform text
) ON COMMIT DELETE ROWS
"""
_MERGE_DEVICES = """
INSERT INTO device (device_id, account, kind, registration_sealed, registration_index, platform, registered_at, seen_at)
SELECT DISTINCT ON (registration_index)
    device_id, customer_code, kind, registration_sealed, registration_index, platform, $1::timestamptz, $1::timestamptz
FROM staged_device ORDER BY registration_index, customer_code
ON CONFLICT (registration_index) DO NOTHING
"""
_LINK_DEVICES = """
INSERT INTO device_customer (customer_code, device_id)
SELECT s.customer_code, d.device_id FROM staged_device s
JOIN device d ON d.registration_index = s.registration_index AND d.account = s.customer_code
ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""


async def merge_customers(tx: Connection, contacts: Sequence[StagedContact]) -> None:
    """Write customers. Of two lines about the same customer the later one counts."""
    await tx.execute(_STAGE_CUSTOMERS)
    names = StagedContact.__slots__
    rows = [(position, *(getattr(c, name) for name in names)) for position, c in enumerate(contacts)]
    await tx.copy_records_to_table("staged_customer_line", records=rows, columns=("position", *names))
    await tx.execute(_MERGE_CUSTOMERS)


async def merge_devices(tx: Connection, devices: Sequence[StagedDevice], *, now: datetime) -> None:
    """Write new devices, and link each to its customer."""
    await tx.execute(_STAGE_DEVICES)
    names = StagedDevice.__slots__
    rows = [tuple(getattr(d, name) for name in names) for d in devices]
    await tx.copy_records_to_table("staged_device", records=rows, columns=names)
    await tx.execute(_MERGE_DEVICES, now)
    await tx.execute(_LINK_DEVICES)
