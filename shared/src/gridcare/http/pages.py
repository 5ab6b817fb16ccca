"""Keyset pagination: an opaque cursor holds the last row's sort key, so pages neither shift nor slow down."""

import base64
import binascii
from functools import lru_cache
from typing import Annotated, Any, Final, Generic, TypeVar

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


FILTER_VALUES_MAX: Final = 20

Serial = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A row's number in a cursor, as PostgreSQL's bigint holds it."""


class Page(BaseModel, Generic[T]):
    """One page of a list; `next` is the cursor of the following page, null on the last one."""

    model_config = ConfigDict(frozen=True)

    items: list[T]
    next: str | None


def filter_by(field: str) -> Any:
    """Return the query parameter that filters a list by a field of its items: repeated for several values, missing for all.

    Declare it as `states: Annotated[list[BillState] | None, filter_by("state")] = None`.
    """
    return Query(
        alias=field,
        min_length=1,
        max_length=FILTER_VALUES_MAX,
        description=f"Only items with this `{field}`; repeat the parameter for several.",
    )


def page_of(items: list[T], following: object | None) -> Page[T]:
    """Return a page; `following` is the sort key after which the next page begins, None on the last one."""
    return Page(items=items, next=None if following is None else encode_cursor(following))


def encode_cursor(key: object) -> str:
    """Return a sort key (any tuple or struct that msgspec can encode) as a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str | None, shape: type[K]) -> K | None:
    """Return a cursor's sort key as `shape`, e.g. `tuple[datetime, UUID]`; None for the first page.

    Raises BadRequest `invalid-cursor`: a caller can send anything as a cursor. Raises TypeError for a shape with an integer
    that has no bounds or a string that has no pattern: PostgreSQL would fail at what it cannot hold.
    """
    _refuse_unbounded(shape)  # type: ignore[arg-type] # a type is hashable; mypy does not see it of a type variable
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor[:CURSOR_MAX_CHARACTERS] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=shape)
    except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError):
        raise BadRequest("invalid-cursor", "the cursor is not one of ours") from None


@lru_cache
def _refuse_unbounded(shape: Any) -> None:
    described = msgspec.inspect.type_info(shape)
    parts = described.item_types if isinstance(described, msgspec.inspect.TupleType) else (described,)
    for part in parts:
        match part:
            case msgspec.inspect.IntType(ge=int(), le=int()) | msgspec.inspect.StrType(pattern=str()):
                pass
            case msgspec.inspect.IntType() | msgspec.inspect.StrType():
                raise TypeError(f"a cursor of {shape} takes what PostgreSQL cannot hold")
