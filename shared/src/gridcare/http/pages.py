"""Keyset pagination: an opaque cursor holds the last row's sort key, so pages neither shift nor slow down."""

import base64
import binascii
from typing import Annotated, Final, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, ConfigDict

from gridcare.errors import BadRequest

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 200
CURSOR_MAX_CHARACTERS: Final = 512

T = TypeVar("T")
K = TypeVar("K")

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many items a page holds.")]
"""Declare it as `limit: Limit = LIMIT_DEFAULT`."""

Cursor = Annotated[
    str | None,
    Query(
        max_length=CURSOR_MAX_CHARACTERS, pattern="^[A-Za-z0-9_-]+$", description="`next` of the page before; opaque."
    ),
]
"""Declare it as `cursor: Cursor = None`."""


class Page(BaseModel, Generic[T]):
    """One page of a list; `next` is the cursor of the following page, null on the last one."""

    model_config = ConfigDict(frozen=True)

    items: list[T]
    next: str | None = None


def page_of(items: list[T], following: object | None) -> Page[T]:
    """Return a page; `following` is the sort key after which the next page begins, None on the last one."""
    return Page(items=items, next=None if following is None else encode_cursor(following))


def encode_cursor(key: object) -> str:
    """Return a sort key (any tuple or struct that msgspec can encode) as a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None, shape: type[K]) -> K | None:
    """Return a cursor's sort key as `shape`, e.g. `tuple[datetime, UUID]`; None for the first page.

    Raises BadRequest `invalid-cursor`: a caller can send anything as a cursor.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor[:CURSOR_MAX_CHARACTERS] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=shape)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise BadRequest("invalid-cursor", "the cursor is not one of ours") from None
