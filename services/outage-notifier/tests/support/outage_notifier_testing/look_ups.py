"""A sender, an SMS provider, and look-ups after what became of messages."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from gridcare.postgres.poison.guard import Guard
from outage_notifier.contacts.vault import RECEIPT
from outage_notifier.providers.twilio.callback import TwilioCallbacks
from outage_notifier.receipts.flow.apply_receipts import apply_receipts
from outage_notifier.receipts.flow.resolve_unknown import resolve_unknown
from outage_notifier.receipts.room import Callbacks, LookUps
from outage_notifier.receipts.store import receipt

FIRST_LOOK_S = 90
BETWEEN = timedelta(seconds=90)


def callbacks(world: Any) -> Callbacks:
    """Return what stored callbacks are applied in: signatures were checked before."""
    return Callbacks(world.db, world.clock, Guard(world.db), world.vault, TwilioCallbacks(address="", auth_tokens=()))


@dataclass
class Scene:
    """A sender, an SMS provider, and look-ups."""

    world: Any
    send_all: Callable[..., Awaitable[None]]
    plan: Callable[[], Awaitable[None]]
    sms: Any

    async def notice(self, *numbers: str, useful: timedelta = timedelta(days=2), feeder: str = "FD1") -> UUID:
        """Plan a notice to new customers with one phone each, and send it."""
        for number in numbers:
            await self.world.customer(f"PB{number[-11:]}", feeder=feeder, phones=[number])
        outage_id = await self.world.outage(feeders=[feeder])
        notice_id = await self.world.notice(outage_id, useful_until=self.world.clock.now() + useful)
        await self.plan()
        await self.send_all(sms=self.sms)
        return notice_id

    async def look(self, *, after_s: float = FIRST_LOOK_S) -> int:
        """Let time pass, on the database's clock too, and look after what is due."""
        world = self.world
        world.clock.move(seconds=after_s)
        async with world.db.transaction() as tx:
            await tx.execute("UPDATE delivery SET looked_at = looked_at - make_interval(secs => $1)", after_s)
        return await resolve_unknown(
            room=LookUps(world.db, world.clock, Guard(world.db), world.vault, self.sms, BETWEEN)
        )

    async def rows(self, query: str, *values: object) -> list[Any]:
        async with self.world.db.read() as connection:
            return await connection.fetch(query, *values)

    async def delivery(self) -> Any:
        (row,) = await self.rows("SELECT * FROM delivery")
        return row

    async def attempt(self) -> Any:
        (row,) = await self.rows("SELECT * FROM attempt")
        return row

    async def tell(self, message_id: str, status: str, *, ref: str, code: str = "") -> None:
        """Store a message's status callback, as its door does."""
        form = {"MessageSid": message_id, "MessageStatus": status} | ({"ErrorCode": code} if code else {})
        key = receipt.dedup_key(message_id, status)
        async with self.world.db.transaction() as tx:
            await receipt.add(
                tx,
                source="twilio",
                key=key,
                attempt_name=ref,
                body_sealed=self.world.vault.seal(urlencode(form).encode(), RECEIPT, row=key),
                now=self.world.clock.now(),
            )

    async def apply(self) -> None:
        """Apply the callbacks that are stored."""
        await apply_receipts(room=callbacks(self.world))
