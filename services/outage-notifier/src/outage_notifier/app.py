"""The HTTP API."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from gridcare.http.app import create_app
from outage_notifier import NAME
from outage_notifier.contacts import http_devices, http_imports, http_preferences
from outage_notifier.inbox import http_inbox
from outage_notifier.ledger import http_notices
from outage_notifier.outages import http_outages
from outage_notifier.receipts import http_callbacks
from outage_notifier.wiring import Services

ROUTERS: tuple[APIRouter, ...] = (
    http_callbacks.router,
    http_devices.router,
    http_imports.router,
    http_inbox.router,
    http_notices.router,
    http_outages.router,
    http_preferences.router,
)


def build_app(services: Services | None) -> FastAPI:
    """Make the app; without services only its OpenAPI document can be had."""
    return create_app(
        title=NAME,
        version=version(NAME),
        routers=ROUTERS,
        verifier=services.verifier if services else None,
        services=services,
    )
