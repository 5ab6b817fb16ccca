"""Contacts as a sender needs them, read when a batch is claimed, so that what changed since planning counts."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from gridcare.postgres.database import Connection
from outage_notifier.contacts.core.contact import DeviceKind


class SendingDevice(Struct, frozen=True, gc=False):
    """A live device of a customer, its registration sealed."""

    customer_code: str
    device_id: str
    kind: DeviceKind
    registration_sealed: bytes


class SendingPhone(Struct, frozen=True, gc=False):
    """A phone of a customer, its number sealed."""

    customer_code: str
    phone_id: int
    number_sealed: bytes
    masked: str
    opted_out: bool
    removed: bool
    bad_reason: str | None


_DEVICES = """
SELECT c.customer_code, d.device_id::text AS device_id, d.kind, d.registration_sealed
FROM device d JOIN device_customer c USING (device_id)
WHERE d.device_id = ANY($1::text[]::uuid[]) AND NOT EXISTS (SELECT FROM device_aside a WHERE a.device_id = d.device_id)
"""
_PHONES = """
SELECT customer_code, phone_id, number_sealed, masked, opted_out_at IS NOT NULL OR NOT consent AS opted_out,
       removed_at IS NOT NULL AS removed, bad_reason
FROM phone WHERE phone_id = ANY($1::bigint[])
"""
# In an order that all senders keep: they do it among other writes.
_PRUNE = """
DELETE FROM device WHERE device_id IN (
    SELECT device_id FROM device WHERE device_id = ANY($1::text[]::uuid[]) ORDER BY device_id FOR UPDATE)
"""
_PUT_ASIDE = """
INSERT INTO device_aside (device_id, reason, put_aside_at)
SELECT d.device_id, k.reason, $3 FROM unnest($1::text[]::uuid[], $2::text[]) AS k (device_id, reason)
JOIN device d USING (device_id) ORDER BY d.device_id
ON CONFLICT DO NOTHING
"""
_MARK_BAD = """
UPDATE phone p SET bad_reason = b.reason, bad_at = $3
FROM unnest($1::bigint[], $2::text[]) AS b (phone_id, reason)
WHERE p.number_index IN (SELECT o.number_index FROM phone o WHERE o.phone_id = b.phone_id)
"""
_MARK_OPTED_OUT = """
UPDATE phone SET opted_out_at = $2
WHERE number_index IN (SELECT number_index FROM phone WHERE phone_id = ANY($1::bigint[])) AND opted_out_at IS NULL
"""


async def devices(tx: Connection, device_ids: Sequence[str]) -> dict[tuple[str, str], SendingDevice]:
    """Return devices by (customer code, device id), without those put aside.

    One that moved to another account is absent for the old one.
    """
    rows = await tx.fetch(_DEVICES, device_ids)
    return {
        (
            row["customer_code"],
            row["device_id"],
        ): SendingDevice(  # one row per push: `**row` would take twice as long
            customer_code=row["customer_code"],
            device_id=row["device_id"],
            kind=row["kind"],
            registration_sealed=row["registration_sealed"],
        )
        for row in rows
    }


async def phones(tx: Connection, phone_ids: Sequence[str]) -> dict[str, SendingPhone]:
    """Return phones by their ids, as text; those too that were removed."""
    rows = await tx.fetch(_PHONES, [int(phone_id) for phone_id in phone_ids])
    return {str(row["phone_id"]): SendingPhone(**row) for row in rows}


async def prune_devices(tx: Connection, device_ids: Sequence[str]) -> None:
    """Delete devices that the provider says are gone for good."""
    await tx.execute(_PRUNE, device_ids)


async def put_devices_aside(tx: Connection, reasons: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """Keep devices but call them no more, as (device id, the provider's code), until the app registers them again."""
    await tx.execute(_PUT_ASIDE, [device_id for device_id, _ in reasons], [reason for _, reason in reasons], now)


async def mark_bad(tx: Connection, reasons: Sequence[tuple[str, str]], *, now: datetime) -> None:
    """Note which phones cannot get messages, as (phone id, reason); every customer's entry of the number is marked."""
    await tx.execute(_MARK_BAD, [int(phone) for phone, _ in reasons], [reason for _, reason in reasons], now)


async def mark_opted_out(tx: Connection, phone_ids: Sequence[str], *, now: datetime) -> None:
    """Note that the owners of these numbers refused further messages with the provider."""
    await tx.execute(_MARK_OPTED_OUT, [int(phone_id) for phone_id in phone_ids], now)
