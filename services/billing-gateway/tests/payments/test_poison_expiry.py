"""A payment that cannot be expired, or not even claimed, is counted and parked; the others expire."""

from typing import Any

import pytest

from billing_gateway.callbacks.flow.ask_providers import ask_about_due_payments
from gridcare.postgres.database import Database
from gridcare.postgres.poison import store
from gridcare.testing.logs import captured_logs


@pytest.mark.usefixtures("vnpay")
@pytest.mark.parametrize(("refused", "kind"), [("UPDATE OF state", "inquiry"), ("UPDATE", "inquiry-claim")])
async def test_bad_expiry_waits_alone(gateway: Any, owner_db: Database, refused: str, kind: str) -> None:
    """Of two payments that VNPay does not know, one refuses a change, or all: the other expires, and the bad one is parked."""
    bad, good = await gateway.begin(await gateway.bill()), await gateway.begin(await gateway.bill())
    async with owner_db.transaction() as tx:
        await tx.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$"
        )
        await tx.execute(
            f"CREATE TRIGGER poison BEFORE {refused} ON payment FOR EACH ROW"
            f" WHEN (NEW.payment_id = '{bad['payment_id']}') EXECUTE FUNCTION refuse()"
        )
    with captured_logs():
        for _ in range(8):
            gateway.clock.move(hours=1)
            await ask_about_due_payments(room=gateway.working.inquiries)
            async with gateway.db.transaction() as tx:
                await tx.execute("UPDATE poison SET retry_at = now() - interval '1 s' WHERE retry_at IS NOT NULL")
    assert [(await gateway.read("payment", each))["state"] for each in (bad, good)] == ["begun", "expired"]
    async with gateway.db.read() as connection:
        parked = await store.list_parked(connection, None, limit=9)
    assert [(each.kind, each.item_id) for each in parked] == [(kind, bad["payment_id"])]
