"""A payment that cannot be expired is counted and parked; the others expire."""

from typing import Any

from billing_gateway.payments.flow.expire_payments import expire_payments
from billing_gateway.payments.room import Expiry
from gridcare.postgres.poison import store
from gridcare.postgres.poison.guard import Guard
from gridcare.testing.logs import captured_logs


async def test_bad_expiry_waits_alone(gateway: Any) -> None:
    """Of two payments whose time has passed, one cannot be changed: the other expires, and the bad one is parked."""
    bad, good = await gateway.begin(await gateway.bill()), await gateway.begin(await gateway.bill())
    gateway.clock.move(hours=1)
    async with gateway.db.transaction() as tx:
        await tx.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$"
        )
        await tx.execute(
            "CREATE TRIGGER poison BEFORE UPDATE ON payment FOR EACH ROW"
            f" WHEN (NEW.payment_id = '{bad['payment_id']}') EXECUTE FUNCTION refuse()"
        )
    with captured_logs():
        for _ in range(8):
            await expire_payments(room=Expiry(gateway.db, gateway.clock, Guard(gateway.db)))
            async with gateway.db.transaction() as tx:
                await tx.execute("UPDATE poison SET retry_at = now() - interval '1 s' WHERE retry_at IS NOT NULL")
    assert [(await gateway.read("payment", each))["state"] for each in (bad, good)] == ["begun", "expired"]
    async with gateway.db.read() as connection:
        parked = await store.list_parked(connection, None, limit=9)
    assert [(each.kind, each.item_id) for each in parked] == [("expiry", bad["payment_id"])]
