"""The app as a whole: its document, its public door, and the day the database is away."""

from dataclasses import replace
from typing import Any

from billing_gateway.app import build_app
from billing_gateway.settings import Settings
from gridcare.postgres.database import Database
from gridcare.testing.http import client_for
from gridcare.testing.logs import captured_logs


def test_the_document_needs_no_services() -> None:
    """OpenAPI can be written from the code alone, and only the provider's door needs no token."""
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


async def test_what_cannot_be_stored_is_asked_for_again(gateway: Any, settings: Settings) -> None:
    """With the database away a callback is answered 99, so VNPay calls again, and the app's requests 503."""
    word = gateway.word(await gateway.begin(await gateway.bill()))
    async with Database.open(settings.database_url, application_name="tests") as closed:
        pass
    desk = replace(gateway.services.desk, db=closed)
    away = build_app(replace(gateway.services, db=closed, desk=desk))
    async with client_for(away) as client:
        told = await client.get(f"/v1/callbacks/vnpay?{word}")
        asked = await client.get("/v1/bills", headers=gateway.customer())
    assert (told.status_code, told.json()["RspCode"]) == (200, "99")
    assert (asked.status_code, asked.json()["code"]) == (503, "temporarily-unavailable")
    assert await gateway.call_back(word) == "00"


async def test_logs_hold_no_query_and_no_customer(gateway: Any) -> None:
    """A payment from beginning to end leaves neither a signature, a customer code nor an address in the log."""
    with captured_logs() as logs:
        word = gateway.word(await gateway.begin(await gateway.bill()))
        await gateway.call_back(word)
        await gateway.call_back(word + "0")
    assert logs.named("provider_event_handled")
    assert logs.named("callback_refused")
    for canary in ("PB1101", "vnp_", "SecureHash", "127.0.0.1", "TESTSECRET"):
        assert canary not in logs.text
