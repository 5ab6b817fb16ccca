"""Identifiers: UUID version 7 (RFC 9562), which sort by the millisecond of their creation."""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

_RANDOM_BITS = 80
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def uuid7(now: datetime, *, random: bytes | None = None) -> UUID:
    """Return a new UUIDv7 for the aware time `now`; `random` (10 bytes) makes it repeatable in tests."""
    milliseconds = (now - _EPOCH) // _MILLISECOND  # a float of seconds would round some moments down to the one before
    tail = int.from_bytes(random if random is not None else os.urandom(10), "big")
    value = (milliseconds << _RANDOM_BITS) | tail
    value = (value & ~(0xF << 76)) | (7 << 76)  # version
    value = (value & ~(0x3 << 62)) | (0x2 << 62)  # variant
    return UUID(int=value)


def first_id(at: datetime) -> UUID:
    """Return the lowest UUIDv7 of the millisecond of an aware time: ids drawn from then on are not lower."""
    return UUID(int=(at - _EPOCH) // _MILLISECOND << _RANDOM_BITS)


def time_of(id_: UUID) -> datetime:
    """Return the time that a UUIDv7 carries, in whole milliseconds."""
    return _EPOCH + (id_.int >> _RANDOM_BITS) * _MILLISECOND
