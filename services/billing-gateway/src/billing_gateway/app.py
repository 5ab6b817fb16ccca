"""The HTTP API."""

from importlib.metadata import metadata, version

from fastapi import FastAPI

from billing_gateway import NAME
from billing_gateway.bills import http_bills
from billing_gateway.callbacks import http_callbacks
from billing_gateway.payments import http_payments
from billing_gateway.wiring import ApiRooms
from gridcare.http.app import create_app

TAGS = {
    "bills": "What customers owe, and where each bill stands.",
    "payments": "Payments of a bill through a provider: begun, and read afterwards.",
    "callbacks": "What payment providers report.",
}
"""What the groups of routes are about."""


def build_app(rooms: ApiRooms | None, *, docs: bool = False) -> FastAPI:
    """Return the app; without rooms it can only write its OpenAPI document. `docs` serves that, and a page to try it."""
    return create_app(
        title=NAME,
        version=version(NAME),
        description=metadata(NAME)["Summary"],
        tags=TAGS,
        routers=[http_bills.router, http_payments.router, http_callbacks.router],
        docs=docs,
        verifier=rooms.verifier if rooms else None,
        buckets=rooms.buckets if rooms else None,
        rooms=(rooms.bills, rooms.payments, rooms.callbacks) if rooms else (),
    )
