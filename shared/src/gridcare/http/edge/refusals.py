"""How the server hears that the app refuses requests for want of room: its readiness tells it."""

from collections.abc import Callable
from typing import Final

from starlette.types import Scope

_NOTE: Final = "note_refusal"


def hear_refusals(scope: Scope, note: Callable[[], None]) -> None:
    """Have `note` called when the app refuses this request for want of room (the server calls this)."""
    scope["state"] = {**scope.get("state", {}), _NOTE: note}


def note_refusal(scope: Scope) -> None:
    """Say that a request was refused for want of room (the app calls this)."""
    note: Callable[[], None] | None = scope.get("state", {}).get(_NOTE)
    if note is not None:
        note()
