"""An outage as planners write it."""

from typing import Literal

import msgspec

from gridcare.events.outages import Scope, Window

Kind = Literal["planned", "unplanned"]
Status = Literal["draft", "published", "cancelled", "restored"]


class OutageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a revision of an outage says; stored as JSON.

    `place` and `cause` are what customers read, in Vietnamese; a translation may stand beside it by language.
    """

    cause: str
    place: str
    windows: tuple[Window, ...]
    scope: Scope
    cause_by_language: dict[str, str] = {}
    place_by_language: dict[str, str] = {}
