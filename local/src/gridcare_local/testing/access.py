"""Who may do what, tried out: every route of an app x nobody, every role and every pair of roles.

A service's test states in a table of its own whom each route takes; nothing of it comes from the routes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Literal, cast
from uuid import UUID

import httpx

from gridcare.errors import Conflict, Unauthenticated
from gridcare.http.auth import ROLES, Caller
from gridcare.http.documents.refusals import PATH
from gridcare.http.guard import Doors, doors_of, put_doors
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.testing.http import client_for

PUBLIC: Final = "public"
NOBODY: Final[frozenset[str]] = frozenset()

Verdict = Literal["seen", "hidden", "refused"]


@dataclass(frozen=True, slots=True)
class Access:
    """Whom a route takes: `own` for customers about themselves, `any_customer` about everybody, `staff` about no customer."""

    own: bool = False
    any_customer: frozenset[str] = NOBODY
    staff: frozenset[str] = NOBODY

    def takes(self, roles: frozenset[str]) -> bool:
        """Return whether somebody with these roles may come in."""
        return not roles.isdisjoint(self.any_customer | self.staff | ({"customer"} if self.own else NOBODY))

    def verdict(self, roles: frozenset[str], *, owner: bool) -> Verdict:
        """Return what becomes of a request about one customer's thing."""
        if not self.takes(roles):
            return "refused"
        sees = not roles.isdisjoint(self.any_customer) or (self.own and "customer" in roles and owner)
        return "seen" if sees else "hidden"


def own(*any_customer: str) -> Access:
    """Return the access of a route for customers, and for these roles about any customer."""
    return Access(own=True, any_customer=frozenset(any_customer))


def any_customer(*roles: str) -> Access:
    """Return the access of a route for these roles alone, about any customer."""
    return Access(any_customer=frozenset(roles))


def staff(*roles: str) -> Access:
    """Return the access of a route that is about no customer."""
    return Access(staff=frozenset(roles))


def role_sets() -> Iterator[frozenset[str]]:
    """Yield no role, every role and every pair of roles."""
    for size in range(3):
        yield from map(frozenset, combinations(sorted(ROLES), size))


_SIGNATURE = f"{27 * 'A'}="
"""Anybody can make one up; only its check comes after the body was read."""


class _Roles:
    """Takes the token for a comma-separated list of roles."""

    async def verify(self, token: str) -> Caller:
        if token == "nobody":
            raise Unauthenticated("invalid-token", "nobody")
        return Caller("somebody", frozenset(token.split(",")) - {""}, frozenset({"PB00000000000"}))


class _ClosedRoom:
    """A room in which nothing can be done."""

    def __getattr__(self, name: str) -> object:
        raise Conflict("room-closed", name)


class _ClosedRooms(dict[type, object]):
    """A closed room of every kind."""

    def __missing__(self, kind: type) -> object:
        return _ClosedRoom()


async def wrong_doors(app: Any, table: Mapping[str, Access | str]) -> list[str]:
    """Return each route x roles that is let in, or refused, otherwise than the table says; and what the table lacks.

    `app` was made without rooms: whoever is let in finds a closed one, after all that matters here.
    """
    doors = doors_of(app)
    app.state.rooms = _ClosedRooms()
    put_doors(app, Doors(doors.routes, cast("TokenVerifier", _Roles())))
    routes = [route for route in doors.routes.values() if not route.path.startswith(PATH)]  # pages of problems are open
    known = {f"{method} {route.path}": route for route in routes for method in route.methods}
    wrong = [f"{name}: not in the table" for name in known if name not in table]
    wrong += [f"{name}: no such route" for name in table if name not in known]
    async with client_for(app) as client:
        for name in known.keys() & table.keys():
            wrong += [problem async for problem in _wrong(client, name, table[name])]
    return wrong


async def _wrong(client: httpx.AsyncClient, name: str, access: Access | str) -> AsyncIterator[str]:
    if not isinstance(access, Access):
        answer = await _ask(client, name, None)
        if answer in {401, 403}:
            yield f"{name}: public, but answers {answer} to nobody"
        return
    for token in (None, "nobody"):
        if (answer := await _ask(client, name, token)) != httpx.codes.UNAUTHORIZED:
            yield f"{name}: {answer} without a good token"
    for roles in role_sets():
        answer = await _ask(client, name, ",".join(roles) or "none")
        if (answer != httpx.codes.FORBIDDEN) is not access.takes(roles):
            yield f"{name}: {answer} for {sorted(roles)}"


async def _ask(client: httpx.AsyncClient, name: str, token: str | None) -> int:
    method, _, path = name.partition(" ")
    address = "/".join(str(UUID(int=7)) if part.startswith("{") else part for part in path.split("/"))
    headers = {"idempotency-key": "k", "x-twilio-signature": _SIGNATURE}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    answer = await client.request(method, address, headers=headers, content=b"{")
    return answer.status_code


Ask = Callable[[frozenset[str], bool], Awaitable[Verdict]]
"""Asks about one customer's thing with these roles, as its owner or as another customer."""


async def wrong_sights(asks: Mapping[str, Ask], table: Mapping[str, Access | str]) -> list[str]:
    """Return each route x roles x owner or stranger that sees another's thing, or does not see its own.

    `asks` has one entry for each route of the table that takes customers, or others about any customer.
    """
    about_customers = {
        name for name, access in table.items() if isinstance(access, Access) and (access.own or access.any_customer)
    }
    wrong = [f"{name}: not tried" for name in sorted(about_customers ^ asks.keys())]
    for name in sorted(about_customers & asks.keys()):
        access = cast("Access", table[name])
        for roles in role_sets():
            for owner in (True, False):
                expected, seen = access.verdict(roles, owner=owner), await asks[name](roles, owner)
                if seen != expected:
                    wrong.append(
                        f"{name}: {seen}, not {expected}, for {sorted(roles)}, {'owner' if owner else 'stranger'}"
                    )
    return wrong


def verdict_of(answer: httpx.Response, *, shows: Iterable[str] = ()) -> Verdict:
    """Return what an answer means; a list is `hidden` unless it names one of `shows`."""
    if answer.status_code in {401, 403}:
        return "refused"
    names = list(shows)
    hidden = answer.status_code == httpx.codes.NOT_FOUND or (names and not any(name in answer.text for name in names))
    return "hidden" if hidden else "seen"
