"""Who is calling: OIDC bearer tokens are verified into a `Caller`, and routes state which roles they require.

    async def read_bill(bill_id: UUID, who: Annotated[Caller, Depends(require("customer", "accountant"))]) -> BillOut:

Tokens are JWTs (RFC 7519) from one issuer for one audience, signed with RS256 or ES256; `iss aud exp sub` are required.
Their times are checked against the machine's clock, never the settable one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, cast, get_args

import jwt
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gridcare.errors import Forbidden, NotFound, Unauthenticated
from gridcare.http.jwks import ALGORITHMS, KeySet
from gridcare.observability import metrics

Role = Literal["customer", "planner", "dispatcher", "team", "cashier", "accountant", "ops"]
ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
LEEWAY_S: Final = 30
TOKEN_MAX_CHARACTERS: Final = 8 * 1024
SUBJECT_MAX_CHARACTERS: Final = 255
CODES_MAX: Final = 200

_BEARER: Final = HTTPBearer(
    scheme_name="oidc",
    bearerFormat="JWT",
    description="An access token of the issuer, with `sub`, `roles[]`, `customer_codes[]`, `team_id` and this service's `aud`.",
    auto_error=False,
)
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, according to the token. A customer may hold several customer codes."""

    sub: str
    roles: frozenset[str]
    customer_codes: frozenset[str]
    team_id: str | None = None

    def owns(self, customer_code: str) -> bool:
        """Return whether the code is one of the caller's own."""
        return customer_code in self.customer_codes

    def has_one_of(self, roles: Iterable[Role]) -> bool:
        """Return whether the caller has one of these roles."""
        return not self.roles.isdisjoint(roles)

    def may_see(self, customer_code: str, *, any_for: Iterable[Role]) -> bool:
        """Return whether the caller may see this customer: their own, or any if they have one of the roles `any_for`."""
        return self.owns(customer_code) or self.has_one_of(any_for)

    def must_see(self, customer_code: str, code: str, *, any_for: Iterable[Role]) -> None:
        """Raise NotFound with `code` if the caller may not see this customer, so that its existence stays hidden."""
        if not self.may_see(customer_code, any_for=any_for):
            raise NotFound(code, "there is no such thing")


class TokenVerifier:
    """Turns a bearer token into a Caller."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    @classmethod
    @asynccontextmanager
    async def open(cls, *, issuer: str, audience: str) -> AsyncIterator["TokenVerifier"]:
        """Open a verifier of `issuer`'s tokens for `audience` (the service's name)."""
        async with KeySet.open(issuer) as keys:
            yield cls(keys, issuer=issuer, audience=audience)

    async def verify(self, token: str) -> Caller:
        """Return the caller that a token names.

        Raises Unauthenticated `invalid-token` or Unavailable; their details never quote the token.
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
    sub, team_id = claims["sub"], claims.get("team_id")
    if not isinstance(sub, str) or not 0 < len(sub) <= SUBJECT_MAX_CHARACTERS or "\x00" in sub:
        raise _refused("claims")
    if team_id is not None and not isinstance(team_id, str):
        raise _refused("claims")
    roles = _texts(claims.get("roles")) & ROLES  # the issuer may have roles that mean nothing here
    return Caller(sub, roles, _texts(claims.get("customer_codes")), team_id)


def _texts(value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or len(value) > CODES_MAX or not all(isinstance(item, str) for item in value):
        raise _refused("claims")
    return frozenset(cast("Iterable[str]", value))


def _refused(reason: str) -> Unauthenticated:
    metrics.TOKENS_REFUSED.inc(reason=reason)
    # RFC 6750 §3.1. The reason may be told: it is about the token, which the caller already holds.
    challenge = 'Bearer error="invalid_token"'
    return Unauthenticated("invalid-token", f"the token was refused: {reason}", headers={"WWW-Authenticate": challenge})


async def caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Caller:
    """Return the caller, whatever their roles (a dependency). Raises Unauthenticated or Unavailable."""
    if credentials is None:
        raise Unauthenticated("missing-token", "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"})
    verifier: TokenVerifier = request.app.state.verifier
    return await verifier.verify(credentials.credentials)


def require(*roles: Role) -> Callable[[Caller], Awaitable[Caller]]:
    """Return a dependency that returns a caller with at least one of `roles` and raises Forbidden `role-missing` for others."""
    unknown = frozenset(roles) - ROLES
    if unknown or not roles:
        raise ValueError(f"no such roles: {sorted(unknown)}")
    return _require(frozenset(roles))


@lru_cache
def _require(roles: frozenset[str]) -> Callable[[Caller], Awaitable[Caller]]:
    async def caller_with_role(who: Annotated[Caller, Depends(caller)]) -> Caller:
        if not who.roles & roles:
            raise Forbidden("role-missing", f"one of these roles is needed: {', '.join(sorted(roles))}")
        return who

    return caller_with_role
