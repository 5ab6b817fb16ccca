"""Forget who changed which phone, once nobody asks any more."""

from gridcare.postgres.bites import BITE_ROWS
from outage_notifier.contacts.room import PhoneHistory
from outage_notifier.contacts.store import phone


async def forget_phone_changes(*, room: PhoneHistory, limit: int = BITE_ROWS) -> int:
    """Delete at most `limit` changes and return how many. Raises Retryable."""
    async with room.db.transaction() as tx:
        return await phone.forget_changes(tx, now=room.clock.now(), kept_months=room.kept_months, limit=limit)
