"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request twice has one effect and one answer.

A flow begins with `begin` and ends with `store`, both in the transaction of the effect. A request that fails validation
rolls back, so nothing of it is kept.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gridcare.errors import Conflict, Unprocessable
from gridcare.postgres.database import Connection

KEPT = timedelta(days=7)
"""Longer than the mobile app keeps unsent requests while it has no network."""

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"
_FIND = "SELECT fingerprint, status, body FROM idempotency WHERE caller = $1 AND key = $2 AND created_at >= $3"
_STORE = """
INSERT INTO idempotency (caller, key, fingerprint, status, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (caller, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body, created_at = excluded.created_at
"""
_FORGET = "DELETE FROM idempotency WHERE created_at < $1"


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """Who asks (the token's subject), the key given, and a hash of what was asked."""

    caller: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as stored: its status and its JSON body."""

    status: int
    body: bytes


async def begin(tx: Connection, request: IdempotentRequest, now: datetime) -> Answer | None:
    """Take the key; give the stored answer when the request was already served.

    Raises Conflict `idempotency-key-in-use` while a twin is under way, Unprocessable `idempotency-key-reused` when the key
    came with another request.
    """
    if not await tx.fetchval(_LOCK, f"{request.caller}\x1f{request.key}"):
        raise Conflict("idempotency-key-in-use", "the same request is being served", headers={"Retry-After": "1"})
    row = await tx.fetchrow(_FIND, request.caller, request.key, now - KEPT)
    if row is None:
        return None
    if row["fingerprint"] != request.fingerprint:
        raise Unprocessable("idempotency-key-reused", "this Idempotency-Key was used for another request")
    return Answer(row["status"], row["body"])


async def store(tx: Connection, request: IdempotentRequest, answer: Answer, now: datetime) -> None:
    """Keep the answer, in the transaction of the effect."""
    await tx.execute(_STORE, request.caller, request.key, request.fingerprint, answer.status, answer.body, now)


async def forget(tx: Connection, now: datetime) -> int:
    """Delete answers that are too old to be replayed; the number of rows."""
    tag: str = await tx.execute(_FORGET, now - KEPT)
    return int(tag.split()[1])
