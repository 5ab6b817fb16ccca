"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request twice has one effect and one result.

A door runs its use case through `once`. The result is stored with the key, in the transaction of the effect, and a repeat
gets it again; the door renders both the same way. A request that fails is rolled back, so nothing of it is stored.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints

import msgspec

from gridcare.errors import Conflict, Unprocessable
from gridcare.postgres.database import Connection, Database
from gridcare.process.crash_points import reach
from gridcare.values.clock import Clock

KEPT = timedelta(days=7)
"""Longer than the mobile app keeps unsent requests while it is offline."""

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"
_FIND = "SELECT fingerprint, result, status, body FROM idempotency WHERE caller = $1 AND key = $2 AND created_at >= $3"
_KEEP = """
INSERT INTO idempotency (caller, key, fingerprint, result, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (caller, key) DO UPDATE
SET fingerprint = excluded.fingerprint, result = excluded.result, status = DEFAULT, body = DEFAULT,
    created_at = excluded.created_at
"""
_FORGET = """
DELETE FROM idempotency WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2))
"""


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """Who sends the request (the token's subject), its key, and a hash of what it says."""

    caller: str
    key: str
    fingerprint: bytes


class KeptAnswer(Exception):
    """A request was served by a release that kept its HTTP answer, JSON, instead of the result. The answer is sent again."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class Room(Protocol):
    """The room of a use case: a frozen dataclass with a database and a clock."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def db(self) -> Database: ...

    @property
    def clock(self) -> Clock: ...


C = TypeVar("C")
R = TypeVar("R", bound=Room)
T = TypeVar("T")
C_contra = TypeVar("C_contra", contravariant=True)
R_contra = TypeVar("R_contra", bound=Room, contravariant=True)
T_co = TypeVar("T_co", covariant=True)


class UseCase(Protocol[C_contra, R_contra, T_co]):
    """A use case: takes a command and returns a result. The return annotation says what is stored."""

    def __call__(self, command: C_contra, /, *, room: R_contra) -> Awaitable[T_co]: ...


async def once(request: IdempotentRequest, use_case: UseCase[C, R, T], command: C, *, room: R) -> T:
    """Run a use case once per key and return its result, or the stored result if it ran before.

    The use case's own transactions become savepoints of one that also stores the result, so it must not call a provider. The
    result is stored as JSON, which msgspec decodes as the annotated return type; the first answer is made of what was stored,
    as every repeat's. Raises Conflict `idempotency-key-in-use` while a twin is under way, Conflict `idempotency-key-served`
    if another release kept a result that this one cannot read, KeptAnswer if one kept its HTTP answer, Unprocessable
    `idempotency-key-reused` if the key came with another request, and whatever the use case raises.
    """
    now = room.clock.now()
    async with room.db.joined() as (tx, db):
        kept = await _begin(tx, request, now)
        if kept is not None:
            return _result(kept, use_case)
        encoded = msgspec.json.encode(await use_case(command, room=replace(room, db=db)))
        result = msgspec.json.decode(encoded, type=_kind(use_case))  # what cannot be read again must not be kept
        await tx.execute(_KEEP, request.caller, request.key, request.fingerprint, encoded, now)
    reach("request.committed")
    return result


async def forget(tx: Connection, now: datetime, *, limit: int) -> int:
    """Delete results that have expired, at most `limit`, and return the number of rows."""
    tag: str = await tx.execute(_FORGET, now - KEPT, limit)
    return int(tag.split()[1])


async def _begin(tx: Connection, request: IdempotentRequest, now: datetime) -> bytes | None:
    """Take the key. Return the stored result, as JSON, if the request was served before."""
    if not await tx.fetchval(_LOCK, f"{request.caller}\x1f{request.key}"):
        raise Conflict("idempotency-key-in-use", "the same request is being served", headers={"Retry-After": "1"})
    row = await tx.fetchrow(_FIND, request.caller, request.key, now - KEPT)
    if row is None:
        return None
    if row["fingerprint"] != request.fingerprint:
        raise Unprocessable("idempotency-key-reused", "this Idempotency-Key was used for another request")
    if row["result"] is None:
        raise KeptAnswer(row["status"], row["body"])
    result: bytes = row["result"]
    return result


def _result(kept: bytes, use_case: UseCase[Any, Any, T]) -> T:
    """Read a stored result. Raises Conflict when another release stored it in a shape that this one does not know."""
    try:
        return msgspec.json.decode(kept, type=_kind(use_case))
    except msgspec.ValidationError:
        raise Conflict(
            "idempotency-key-served", "this request was served by another release: read what it made"
        ) from None


def _kind(use_case: UseCase[Any, Any, T]) -> type[T]:
    kind: type[T] = get_type_hints(use_case)["return"]
    return kind
