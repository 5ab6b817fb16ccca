"""What the routers take from the app."""

from typing import Annotated, cast

from fastapi import Depends, Request

from repair_intake.wiring import Services


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Wired = Annotated[Services, Depends(_services)]
