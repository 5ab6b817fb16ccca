"""The HTTP API."""

from importlib.metadata import version

from fastapi import FastAPI

from gridcare.http.app import create_app
from repair_intake import NAME
from repair_intake.teams import http_teams as http_team
from repair_intake.tickets import http_tickets as http_ticket
from repair_intake.wiring import Services


def build_app(services: Services | None) -> FastAPI:
    """Make the app; without services only its OpenAPI document can be had."""
    return create_app(
        title=NAME,
        version=version(NAME),
        routers=[http_ticket.router, http_team.router],
        verifier=services.verifier if services else None,
        services=services,
    )
