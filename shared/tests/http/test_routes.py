"""Every route declares who may call it, or the app refuses to start."""

import pytest
from fastapi import Depends, WebSocket
from fastapi.responses import PlainTextResponse

from gridcare.http.app import create_app
from gridcare.http.auth import require
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.routes import public


def refused(make_router) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is asserted by the callers
        create_app(title="Test", version="1", routers=[make_router])
    return str(caught.value)


def test_an_unguarded_route_is_refused():
    """An app with a route that does not say who may call it is refused."""
    open_router = Router()

    @open_router.get("/open")
    async def open_route() -> None: ...

    assert "/open (open_route)" in refused(open_router)


def test_nested_routes_are_checked():
    """Nesting hides nothing, and the error names the whole path."""
    inner, outer = Router(prefix="/inner"), Router(prefix="/outer")

    @inner.get("/open")
    async def open_route() -> None: ...

    outer.include_router(inner)
    assert "/outer/inner/open" in refused(outer)


def test_a_router_guards_its_routes():
    """An auth dependency of the router counts for all of its routes."""
    guarded = Router(dependencies=[Depends(require("customer"))])

    @guarded.get("/closed")
    async def closed() -> None: ...

    app = create_app(title="Test", version="1", routers=[guarded])
    assert app.openapi()["paths"]["/closed"]["get"]["security"] == [{"oidc": []}]


def test_unguardable_routes_are_refused():
    """Web sockets, mounts and plain Starlette routes have no dependencies that could be checked."""
    sockets, plain = Router(), Router()

    @sockets.websocket("/ws")
    async def ws(socket: WebSocket) -> None: ...

    plain.add_route("/plain", lambda _: PlainTextResponse("x"))
    assert "/ws" in refused(sockets)
    assert "/plain" in refused(plain)


def test_repeated_names_are_refused():
    """Operation ids are function names, so they must be unique."""
    twice = Router()
    for path in ("/a", "/b"):

        @twice.get(path)
        @public("a test")
        async def same() -> None: ...

    assert "a second route named same" in refused(twice)


def test_codes_have_one_meaning():
    """A problem code with two meanings is refused where the app is made: its page could tell only one."""
    router = Router()

    @router.get("/a")
    @public("a test")
    @refuses(Refusal(404, "lost", "It is lost."))
    async def first() -> None: ...

    @router.get("/b")
    @public("a test")
    @refuses(Refusal(404, "lost", "It was never there."))
    async def second() -> None: ...

    assert "lost" in refused(router)
