"""A town for `fanout`, copied straight into the tables. Every customer has one supply point and one device."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import asyncpg
from benchmarks.push_clients import token

from gridcare.values.ids import uuid7
from gridcare_local.stack.stack import Stack
from outage_notifier.contacts import vault
from outage_notifier.contacts.vault import Vault

DATABASE = "outage_notifier"
CHUNK = 10_000
TABLES = {
    "supply_point": (
        "supply_point_id",
        "customer_code",
        "transformer_id",
        "feeder_id",
        "substation_id",
        "ward_code",
        "version",
    ),
    "customer": ("customer_code", "language"),
    "device": (
        "device_id",
        "account",
        "kind",
        "registration_sealed",
        "registration_index",
        "platform",
        "registered_at",
        "seen_at",
    ),
    "device_customer": ("customer_code", "device_id"),
}
LANGUAGES = ("vi", "vi", "vi", "vi", "vi", "vi", "vi", "vi", "km", "en")


async def settle_in(stack: Stack, sizes: Iterable[int]) -> None:
    """Fill the notifier's tables with a feeder of `size` customers for each size."""
    secrets = stack.settings.secrets
    sealing = Vault.of_settings(secrets["contact_keys"], secrets["contact_index_key"])
    connection = await asyncpg.connect(stack.settings.addresses[f"{DATABASE}.owner"])
    try:
        for size in sizes:
            numbers = iter(range(size))
            while chunk := list(islice(numbers, CHUNK)):
                await _copy(connection, _rows(chunk, size, sealing))
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def feeder(size: int) -> str:
    """Return the id of the feeder with `size` customers."""
    return f"BENCH-{size}"


def customer_code(number: int, size: int) -> str:
    """Return the code of a customer on the feeder with `size` customers."""
    return f"PB{size % 10_000_019:08d}{number:07d}"


def _rows(numbers: list[int], size: int, sealing: Vault) -> dict[str, list[tuple[Any, ...]]]:
    now = datetime.now(UTC)
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
    for number in numbers:
        code, device_id = customer_code(number, size), uuid7(now)
        registration = f"{size}-{token(number)}"
        transformer = f"{feeder(size)}-T{number // 100}"
        rows["supply_point"].append((f"SP-{size}-{number}", code, transformer, feeder(size), "BENCH", "31117", 1))
        rows["customer"].append((code, LANGUAGES[number % len(LANGUAGES)]))
        sealed = sealing.seal(registration.encode(), vault.DEVICE, row=str(device_id))
        index = sealing.index(registration, vault.DEVICE)
        rows["device"].append((device_id, code, "token", sealed, index, "android", now, now))
        rows["device_customer"].append((code, device_id))
    return rows


async def _copy(connection: Any, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    async with connection.transaction():
        for name, records in rows.items():
            await connection.copy_records_to_table(name, records=records, columns=TABLES[name])
