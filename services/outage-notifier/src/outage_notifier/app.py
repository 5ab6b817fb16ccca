"""The HTTP API."""

from importlib.metadata import metadata, version

from fastapi import FastAPI

from gridcare.http.app import create_app
from outage_notifier import NAME
from outage_notifier.contacts import http_devices, http_imports, http_phones, http_preferences
from outage_notifier.inbox import http_inbox
from outage_notifier.ledger import http_notices
from outage_notifier.outages import http_outages
from outage_notifier.receipts import http_callbacks, http_marks
from outage_notifier.wiring import ApiRooms

TAGS = {
    "outages": "Cuts of power: written, previewed, published and changed by planners.",
    "notices": "How far notices have got, and what became of each delivery.",
    "inbox": "What customers were told, and the app's marks that it arrived.",
    "devices": "Installations of the app that get pushes.",
    "phones": "A customer's phones: listed masked, added, replaced, removed, made the primary one.",
    "preferences": "What customers choose.",
    "imports": "Bulk imports by ops, as CSV or JSON lines.",
    "callbacks": "What the SMS provider reports.",
}
"""What the groups of routes are about."""


def build_app(rooms: ApiRooms | None, *, docs: bool = False) -> FastAPI:
    """Return the app; without rooms it can only write its OpenAPI document. `docs` serves that, and a page to try it."""
    return create_app(
        title=NAME,
        version=version(NAME),
        description=metadata(NAME)["Summary"],
        tags=TAGS,
        routers=[
            http_outages.router,
            http_notices.router,
            http_inbox.router,
            http_devices.router,
            http_phones.router,
            http_preferences.router,
            http_imports.router,
            http_marks.router,
            http_callbacks.router,
        ],
        docs=docs,
        verifier=rooms.verifier if rooms else None,
        buckets=rooms.buckets if rooms else None,
        rooms=(rooms.outages, rooms.ledger, rooms.inbox, rooms.contacts, rooms.marks, rooms.callbacks) if rooms else (),
    )
