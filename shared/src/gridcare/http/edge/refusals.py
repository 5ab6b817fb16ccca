"""How it is known that a request was refused for want of room: by who counts server errors, and by the server's readiness."""

from collections.abc import Callable
from typing import Final

from starlette.types import Scope

_NOTE: Final = "note_refusal"
_NO_ROOM: Final = "no_room"


def hear_refusals(scope: Scope, note: Callable[[], None]) -> None:
    """Have `note` called when the app refuses this request for want of room (the server calls this)."""
    scope["state"] = {**scope.get("state", {}), _NOTE: note}


def note_refusal(scope: Scope) -> None:
    """Say that a request was refused for want of room (the app calls this)."""
    note: Callable[[], None] | None = scope.get("state", {}).get(_NOTE)
    if note is not None:
        note()


def mark_no_room(scope: Scope) -> None:
    """Say that this request is refused since too much is under way: no error of ours, and callers can bring it about."""
    scope.setdefault("state", {})[_NO_ROOM] = True


def had_no_room(scope: Scope) -> bool:
    """Return whether this request was refused since too much is under way."""
    return bool(scope.get("state", {}).get(_NO_ROOM))
