"""Who is calling, and what their roles count for at a route.

    async def read_bill(bill_id: UUID, who: Annotated[Caller, Depends(require("customer", any_customer=STAFF))]) -> BillOut:

A route lists the roles that it takes; what else the token holds counts for nothing there. Whoever has one of `any_customer`
may name any customer; a `customer` may name those of the token, and nobody else may name one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, get_args

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gridcare.errors import Forbidden, NotFound

Role = Literal["customer", "planner", "dispatcher", "team", "cashier", "accountant", "ops"]
ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
OWN: Final = "customer"
"""The role that makes the token's customer codes count."""

BEARER: Final = HTTPBearer(
    scheme_name="oidc",
    bearerFormat="JWT",
    description="An access token of the issuer, with `sub`, `roles[]`, `customer_codes[]`, `team_id` and this service's `aud`.",
    auto_error=False,
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, according to the token. A customer may hold several customer codes.

    A door gets the caller as its route sees them: with the roles that count there, `customer_codes` only of a customer, and
    `any_customer` where one of the roles may name any.
    """

    sub: str
    roles: frozenset[str]
    customer_codes: frozenset[str]
    team_id: str | None = None
    any_customer: bool = False

    @property
    def reach(self) -> frozenset[str] | None:
        """The customers whom the caller may name; None: any."""
        return None if self.any_customer else self.customer_codes

    def must_see(self, customer_code: str, code: str) -> None:
        """Raise NotFound with `code` if the caller may not name this customer, so that its existence stays hidden."""
        if not self.any_customer and customer_code not in self.customer_codes:
            raise NotFound(code, "there is no such thing")


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a route demands of its caller; a dependency that returns the caller as the route sees them."""

    roles: frozenset[Role]
    any_customer: frozenset[Role]

    @property
    def takes(self) -> frozenset[Role]:
        """All roles that open the route."""
        return self.roles | self.any_customer

    def admit(self, who: Caller) -> Caller:
        """Return the caller with what counts here. Raises Forbidden `role-missing` if that is nothing."""
        roles = who.roles & self.takes
        if not roles:
            raise Forbidden("role-missing", f"one of these roles is needed: {', '.join(sorted(self.takes))}")
        return replace(
            who,
            roles=roles,
            customer_codes=who.customer_codes if OWN in roles else frozenset(),
            any_customer=not roles.isdisjoint(self.any_customer),
        )

    async def __call__(
        self, request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
    ) -> Caller:
        """Return the caller, whom the guard (gridcare.http.guard) let in before the body was read."""
        who: Caller = request.state.caller
        return who


def require(*roles: Role, any_customer: Sequence[Role] = ()) -> Requirement:
    """Return a dependency that returns a caller with one of the roles and raises Forbidden `role-missing` for others.

    `any_customer` are roles too: those that may name any customer here.
    """
    unknown = frozenset((*roles, *any_customer)) - ROLES
    if unknown or not (roles or any_customer):
        raise ValueError(f"no such roles: {sorted(unknown)}")
    if OWN in any_customer:
        raise ValueError("a customer names their own codes only")
    return Requirement(frozenset(roles), frozenset(any_customer))
