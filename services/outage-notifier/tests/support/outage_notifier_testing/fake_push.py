"""A push provider in memory; it passes the contract of the real one (tests/providers/test_push_contract.py)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind
from outage_notifier.providers.fcm.message import push_message


class FakePushSender:
    """Accepts every message unless its registration has an outcome in `outcomes`; keeps what it accepted, as FCM's JSON.

    `meanwhile` is what a test lets happen in the midst of each call.
    """

    def __init__(self, outcomes: Mapping[str, Outcome] | None = None) -> None:
        self.outcomes = dict(outcomes or {})
        self.accepted: list[dict[str, Any]] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def send(self, body: bytes) -> Outcome:
        if self.meanwhile:
            await self.meanwhile()
        message = json.loads(body)["message"]
        outcome = self.outcomes.get(registration_of(message))
        if outcome is not None and outcome.kind is not OutcomeKind.ACCEPTED:
            return outcome
        self.accepted.append(message)
        return Outcome(OutcomeKind.ACCEPTED, message_id=f"0:{len(self.accepted)}")

    @property
    def registrations(self) -> list[str]:
        """The devices that got a message, in the order of the calls."""
        return [registration_of(message) for message in self.accepted]

    @property
    def delivery_ids(self) -> list[str]:
        """The delivery ids that the messages carry to the app, in the order of the calls."""
        return [message["data"]["delivery_id"] for message in self.accepted]


def registration_of(message: Mapping[str, Any]) -> str:
    """Return the device that a message is for."""
    return str(message.get("fid") or message["token"])


def body_for(registration: str, *, kind: str = "fid", number: int = 1) -> bytes:
    """Return the body of a sound push to a registration."""
    message = push_message(
        title="Ngừng cung cấp điện",
        text="Từ 08:00 đến 16:00.",
        tag="outage:1",
        data={"notice_id": "n"},
        ttl=timedelta(hours=1),
        expires_at=datetime(2026, 11, 25, tzinfo=UTC),
        urgent=True,
    )
    return message.body(kind=kind, registration=registration, delivery_id=f"n.{number}")
