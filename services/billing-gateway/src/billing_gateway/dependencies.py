"""What the routers share: the services, and who may see whose money."""

from typing import Annotated, cast

from fastapi import Depends, Request

from billing_gateway.wiring import Services
from gridcare.errors import NotFound
from gridcare.http.auth import Caller, Role

MONEY_STAFF: tuple[Role, ...] = ("cashier", "accountant", "ops")
"""Who may see any customer's money; the other roles of the utility see none."""


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Wired = Annotated[Services, Depends(_services)]


def sees_all(who: Caller) -> bool:
    """Say whether the caller may see any customer's money."""
    return not who.roles.isdisjoint(MONEY_STAFF)


def must_see(who: Caller, customer_code: str, code: str) -> None:
    """Raise NotFound with `code` when it is another customer's: that it exists is not told either."""
    if not sees_all(who) and not who.owns(customer_code):
        raise NotFound(code, "there is no such thing")
