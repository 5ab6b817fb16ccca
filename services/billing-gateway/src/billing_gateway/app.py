"""The HTTP API."""

from importlib.metadata import version

from fastapi import FastAPI

from billing_gateway.bills import http_bills as http_bill
from billing_gateway.callbacks import http_callbacks as http_callback
from billing_gateway.payments import http_payments as http_payment
from billing_gateway.wiring import NAME, Services
from gridcare.http.app import create_app


def build_app(services: Services | None) -> FastAPI:
    """Make the app; without services only its OpenAPI document can be had."""
    return create_app(
        title=NAME,
        version=version(NAME),
        routers=[http_bill.router, http_payment.router, http_callback.router],
        verifier=services.verifier if services else None,
        services=services,
    )
