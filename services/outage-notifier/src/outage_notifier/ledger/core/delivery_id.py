"""The name of a delivery as a device sees it: its notice and its number in the notice's audience, `<notice_id>-<number>`."""

import re
from typing import Final
from uuid import UUID

from msgspec import Struct

DELIVERY_ID_PATTERN: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[1-9][0-9]{0,8}$"
_UUID_LENGTH: Final = 36


class DeliveryId(Struct, frozen=True, gc=False):
    """Names a delivery without giving its recipient away."""

    notice_id: UUID
    number: int

    def __str__(self) -> str:
        return f"{self.notice_id}-{self.number}"


def read_delivery_id(text: str) -> DeliveryId:
    """Read a delivery's name. Raises ValueError."""
    if not re.fullmatch(DELIVERY_ID_PATTERN, text):
        raise ValueError("not a delivery id")
    return DeliveryId(UUID(text[:_UUID_LENGTH]), int(text[_UUID_LENGTH + 1 :]))
