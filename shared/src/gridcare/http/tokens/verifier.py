"""Turns a bearer token into the caller that it names, or refuses it.

Tokens are JWTs (RFC 7519) from one issuer for one audience, signed with RS256 or ES256; `iss aud exp sub` are required.
Their times are checked against the machine's clock, never the settable one.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import jwt

from gridcare.errors import Overloaded, Unauthenticated
from gridcare.http.auth import ROLES, Caller
from gridcare.http.tokens.jwks import ALGORITHMS, KeySet
from gridcare.observability import metrics

LEEWAY_S: Final = 30
TOKEN_MAX_CHARACTERS: Final = 8 * 1024
CODES_MAX: Final = 200
TEXT_MAX_CHARACTERS: Final = 255
"""Of a subject, a customer code, a role or a team."""

_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class TokenVerifier:
    """Turns a bearer token into a Caller."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    @classmethod
    @asynccontextmanager
    async def open(cls, *, issuer: str, audience: str, ca_file: Path | None = None) -> AsyncIterator["TokenVerifier"]:
        """Open a verifier of `issuer`'s tokens for `audience` (the service's name)."""
        async with KeySet.open(issuer, ca_file=ca_file) as keys:
            yield cls(keys, issuer=issuer, audience=audience)

    async def verify(self, token: str) -> Caller:
        """Return the caller that a token names.

        Raises Unauthenticated `invalid-token`, Unavailable or Overloaded; their details never quote the token.
        """
        if len(token) > TOKEN_MAX_CHARACTERS:
            raise _refused("too-long")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise _refused("malformed") from None
        if header.get("alg") not in ALGORITHMS or str(header.get("typ", "jwt")).lower() not in _TYPES:
            raise _refused("algorithm")
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise _refused("no-key-id")
        try:
            key = await self._keys.key(kid)
        except Unauthenticated:
            raise _refused("unknown-key") from None
        except Overloaded:
            metrics.TOKENS_REFUSED.inc(reason="too-many-unknown-keys")
            raise
        return _caller_of(self._claims(token, key))

    def _claims(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise _refused("expired") from None
        except jwt.ImmatureSignatureError:
            raise _refused("not-yet-valid") from None
        except jwt.InvalidAudienceError:
            raise _refused("audience") from None
        except jwt.InvalidIssuerError:
            raise _refused("issuer") from None
        except jwt.InvalidSignatureError:
            raise _refused("signature") from None
        except jwt.PyJWTError:
            raise _refused("malformed") from None


def _caller_of(claims: Mapping[str, Any]) -> Caller:
    team_id = claims.get("team_id")
    roles = frozenset(_texts(claims.get("roles"))) & ROLES  # the issuer may have roles that mean nothing here
    codes = frozenset(_texts(claims.get("customer_codes")))
    return Caller(_text(claims["sub"]), roles, codes, None if team_id is None else _text(team_id))


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > CODES_MAX:
        raise _refused("claims")
    return [_text(item) for item in cast("Iterable[object]", value)]


def _text(value: object) -> str:
    """Return a claim that is a text, neither empty nor huge, without NUL: PostgreSQL must be able to compare it."""
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_MAX_CHARACTERS or "\x00" in value:
        raise _refused("claims")
    return value


def _refused(reason: str) -> Unauthenticated:
    metrics.TOKENS_REFUSED.inc(reason=reason)
    # RFC 6750 §3.1. The reason may be told: it is about the token, which the caller already holds.
    challenge = 'Bearer error="invalid_token"'
    return Unauthenticated("invalid-token", f"the token was refused: {reason}", headers={"WWW-Authenticate": challenge})
