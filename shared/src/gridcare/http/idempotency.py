"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): reads it and hashes what the request says.

    async def post_ticket(body: TicketIn, key: IdempotencyKey, room: Intake) -> TicketOut:
        ticket = await once(key, submit_ticket, SubmitTicket(…), room=room)

`gridcare.postgres.idempotency` has `once`.
"""

import hashlib
import re
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Header, Request

from gridcare.errors import BadRequest
from gridcare.http.auth import Caller
from gridcare.postgres.idempotency import IdempotentRequest

KEY_MAX_CHARACTERS: Final = 255
HEADER_MAX_CHARACTERS: Final = 2 * KEY_MAX_CHARACTERS + 2
"""Each character of a key may be escaped in a quoted one."""
KEY_PATTERN: Final = r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$'
"""What the document tells clients to send: a key bare, or in quotes. It is checked by `parse_key`, which takes a little more."""

_VISIBLE: Final = re.compile(rf"[!-~]{{1,{KEY_MAX_CHARACTERS}}}")
_ESCAPED: Final = re.compile(r'\\(["\\])')


def parse_key(value: str | None) -> str:
    """Return the key in the header: a structured-field string (RFC 9651, in quotes) or, as most clients send it, bare.

    Raises BadRequest `idempotency-key-missing` or `idempotency-key-invalid` (1 to 255 visible ASCII characters).
    """
    if value is None or not value.strip():
        raise BadRequest("idempotency-key-missing", "the Idempotency-Key header is needed")
    key = value.strip()
    if key.startswith('"'):
        if len(key) < 2 or not key.endswith('"') or re.search(r'(?<!\\)(?:\\\\)*"', key[1:-1]):  # noqa: PLR2004 - two quotes
            raise _invalid()
        key = _ESCAPED.sub(r"\1", key[1:-1])
    if not _VISIBLE.fullmatch(key):
        raise _invalid()
    return key


def _invalid() -> BadRequest:
    return BadRequest("idempotency-key-invalid", "an Idempotency-Key is 1 to 255 visible ASCII characters")


def fingerprint(method: str, path: str, query: str, body: bytes) -> bytes:
    """Return the SHA-256 of what a request says. In a JSON body, member order and white space do not matter."""
    try:
        canonical = msgspec.json.encode(msgspec.json.decode(body), order="deterministic") if body else b""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        canonical = body
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), query.encode(), canonical):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


async def idempotent(
    request: Request,
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1,
            max_length=HEADER_MAX_CHARACTERS,
            json_schema_extra={"pattern": KEY_PATTERN},
            description="Names this request: the same key again gives the same answer. Kept 7 days.",
            openapi_examples={"uuid": {"value": "0b6f2c3e-5d0a-4f6e-9a51-0c4f6c2f7a10"}},
        ),
    ],
) -> IdempotentRequest:
    """Return the request's caller, key and fingerprint (a dependency). The guard has checked the key before the body came."""
    body = await request.body()
    who: Caller = request.state.caller
    key = parse_key(idempotency_key)
    return IdempotentRequest(who.sub, key, fingerprint(request.method, request.url.path, request.url.query, body))


IdempotencyKey = Annotated[IdempotentRequest, Depends(idempotent)]
"""The type of a door's parameter: the request with its key, for `gridcare.postgres.idempotency.once`."""
