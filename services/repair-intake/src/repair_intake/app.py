"""The HTTP API."""

from importlib.metadata import metadata, version

from fastapi import FastAPI

from gridcare.http.app import create_app
from repair_intake import NAME
from repair_intake.teams import http_teams
from repair_intake.tickets import http_tickets
from repair_intake.wiring import ApiRooms

TAGS = {
    "tickets": "Requests for work: opened and read by customers, read by dispatchers.",
    "teams": "The local teams and the wards that they work.",
}
"""What the groups of routes are about."""


def build_app(rooms: ApiRooms | None, *, docs: bool = False) -> FastAPI:
    """Return the app; without rooms it can only write its OpenAPI document. `docs` serves that, and a page to try it."""
    return create_app(
        title=NAME,
        version=version(NAME),
        description=metadata(NAME)["Summary"],
        tags=TAGS,
        routers=[http_tickets.router, http_teams.router],
        docs=docs,
        verifier=rooms.verifier if rooms else None,
        rooms=(rooms.tickets, rooms.teams) if rooms else (),
    )
