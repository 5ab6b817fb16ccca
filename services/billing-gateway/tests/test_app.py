"""The app as a whole: its document, its public route, and what it does while the database is away."""

from dataclasses import replace
from typing import Any

from billing_gateway.app import build_app
from billing_gateway.settings import ApiSettings
from gridcare.postgres.database import Database
from gridcare.testing.http import client_for
from gridcare.testing.logs import captured_logs


def test_the_document_needs_no_rooms() -> None:
    """The OpenAPI document needs no database; only the provider's route needs no token."""
    paths = build_app(None).openapi()["paths"]
    public = [path for path, item in paths.items() for operation in item.values() if not operation.get("security")]
    assert public == ["/v1/callbacks/vnpay"]
    assert set(paths) == {
        "/v1/bills",
        "/v1/bills/{bill_id}",
        "/v1/bills/{bill_id}/payments",
        "/v1/payments/{payment_id}",
        "/v1/callbacks/vnpay",
    }


async def test_vnpay_retries_without_the_database(gateway: Any, settings: ApiSettings) -> None:
    """While the database is away a callback gets 99, so that VNPay calls again, and other requests get 503."""
    query = gateway.callback(await gateway.begin(await gateway.bill()))
    async with Database.open(settings.database_url.get_secret_value(), application_name="tests") as closed:
        pass
    rooms = gateway.rooms
    away = replace(rooms, bills=replace(rooms.bills, db=closed), callbacks=replace(rooms.callbacks, db=closed))
    async with client_for(build_app(away)) as client:
        called_back = await client.get(f"/v1/callbacks/vnpay?{query}")
        listed = await replace(gateway, client=client).call("GET", "/v1/bills")
    assert (called_back.status_code, called_back.json()["RspCode"]) == (200, "99")
    assert (listed.status_code, listed.json()["code"]) == (503, "temporarily-unavailable")
    assert await gateway.call_back(query) == "00"


async def test_logs_hold_no_customer(gateway: Any) -> None:
    """A payment from beginning to end leaves no signature, customer code or address in the log."""
    with captured_logs() as logs:
        query = gateway.callback(await gateway.begin(await gateway.bill()))
        await gateway.call_back(query)
        await gateway.call_back(query + "0")
    assert logs.named("provider_event_handled")
    assert logs.named("callback_refused")
    for canary in ("PB1101", "vnp_", "SecureHash", "127.0.0.1", "TESTSECRET"):
        assert canary not in logs.text
