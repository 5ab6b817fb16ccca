"""What becomes of a receipt, and when one that fits no attempt yet is looked at again."""

from datetime import datetime, timedelta
from typing import Final, Literal

ReceiptSource = Literal["twilio", "app"]
"""Who told us: the SMS provider by a status callback, or the app by a received mark."""

ReceiptResult = Literal["raised", "unchanged", "unmatched", "unreadable", "unknown-status"]
"""What became of a receipt that is done with. The last three raised nothing and are logged."""

GIVEN_UP_AFTER: Final = timedelta(days=7)
"""A receipt that fits none of our attempts within this time never will."""

_LOOK_AGAIN_MIN: Final = timedelta(seconds=1)
_LOOK_AGAIN_MAX: Final = timedelta(hours=1)


def look_again_at(received_at: datetime, now: datetime) -> datetime | None:
    """Return when a receipt without an attempt or delivery is looked at again: it may have come before the call's own answer.

    Return None to give it up. The wait is half the receipt's age, so that a few strays cost next to nothing.
    """
    age = now - received_at
    if age >= GIVEN_UP_AFTER:
        return None
    return now + min(max(age / 2, _LOOK_AGAIN_MIN), _LOOK_AGAIN_MAX)
