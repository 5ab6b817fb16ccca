"""How a door gets the room that it works in.

    Desk = Annotated[Outages, Depends(room_of(Outages))]

`create_app(rooms=…)` takes the rooms that the service's wiring made.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from fastapi import FastAPI, Request

R = TypeVar("R")


@lru_cache
def room_of(kind: type[R]) -> Callable[[Request], R]:
    """Return a dependency that returns the app's room of this type."""

    def of_app(request: Request) -> R:
        room: R = request.app.state.rooms[kind]
        return room

    return of_app


def let_in(app: FastAPI, rooms: Iterable[object]) -> None:
    """Store rooms in an app, by their types."""
    app.state.rooms = {type(each): each for each in rooms}
