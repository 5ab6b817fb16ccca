"""The HTTP API."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from gridcare.http.app import create_app
from outage_notifier import NAME
from outage_notifier.contacts import http_devices, http_imports, http_preferences
from outage_notifier.inbox import http_inbox
from outage_notifier.ledger import http_notices
from outage_notifier.outages import http_outages
from outage_notifier.receipts import http_callbacks, http_marks
from outage_notifier.wiring import Rooms

ROUTERS: tuple[APIRouter, ...] = (
    http_callbacks.router,
    http_devices.router,
    http_imports.router,
    http_inbox.router,
    http_marks.router,
    http_notices.router,
    http_outages.router,
    http_preferences.router,
)


def build_app(rooms: Rooms | None) -> FastAPI:
    """Return the app; without rooms it can only write its OpenAPI document."""
    return create_app(
        title=NAME,
        version=version(NAME),
        routers=ROUTERS,
        verifier=rooms.verifier if rooms else None,
        rooms=(rooms.callbacks, rooms.contacts, rooms.inbox, rooms.ledger, rooms.outages, rooms.receipts)
        if rooms
        else (),
    )
