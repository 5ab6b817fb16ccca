"""An app with one route of each kind, and a token issuer on a real socket."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI, Request
from pydantic import Field

from gridcare.errors import Conflict, Retryable, TooManyRequests
from gridcare.http.app import create_app
from gridcare.http.auth import Caller, require
from gridcare.http.body import Body
from gridcare.http.documents.refusals import Refusal, refuses
from gridcare.http.guard import Router
from gridcare.http.pages import LIMIT_DEFAULT, Cursor, Limit, Page
from gridcare.http.routes import public
from gridcare.http.tokens.jwks import KeySet
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.testing.http import Issuer, client_for, issuer

router = Router(prefix="/v1")


class Part(Body):
    count: int
    name: str


class ThingIn(Body):
    id: UUID
    when: datetime
    urgent: bool = False
    share: float = 0.5
    kind: Literal["a", "b"] = "a"
    parts: list[Part] = Field(default=[], max_length=10)


@router.post("/things", status_code=201)
@public("a test")
async def add_thing(body: ThingIn) -> ThingIn:
    return body


@router.get("/things")
@public("a test")
async def list_things(limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Page[int]:
    return Page(items=[limit], next=cursor)


@router.get("/things/{thing_id}")
async def read_thing(thing_id: UUID, who: Annotated[Caller, Depends(require("planner"))]) -> str:
    return who.sub


@router.get("/callback")
@public("signed by its provider", any_query=True)
async def callback(request: Request) -> list[str]:
    return sorted(request.query_params)


@router.get("/failing/{how}")
@public("a test")
@refuses(Refusal(409, "thing-taken", "The thing is taken."), Refusal(429, "too-many", "Too many."))
async def fail(how: str) -> None:
    failures: dict[str, Exception] = {
        "conflict": Conflict("thing-taken", "it is taken", holder="x"),
        "throttled": TooManyRequests("too-many", headers={"Retry-After": "7"}),
        "retryable": Retryable("secret 0901234567"),
    }
    raise failures.get(how) or RuntimeError("Nguyễn Văn A 0901234567")


@router.post("/unread")
@public("a test")
async def ignore_body() -> None:
    return None


@pytest.fixture(scope="module")
async def app() -> FastAPI:
    return create_app(title="Test", version="1", routers=[router], docs=True, body_size_max_bytes=2000)


@pytest.fixture(scope="module")
def roomy_app() -> FastAPI:
    """Return the same app with the body limit that services have."""
    return create_app(title="Test", version="1", routers=[router], docs=True)


@pytest.fixture(scope="module")
async def client(app: FastAPI) -> AsyncIterator[object]:
    async with client_for(app) as opened:
        yield opened


AUDIENCE = "repair-intake"


class Hand:
    """A monotonic clock that tests set."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Issuer]:
    async with issuer() as made:
        yield made


@pytest.fixture
def idp(server: Issuer) -> Issuer:
    """Return the issuer in its initial state."""
    server.reset()
    return server


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
async def verifier(idp: Issuer, hand: Hand) -> AsyncIterator[TokenVerifier]:
    async with KeySet.open(idp.url, cooldown_s=0.01, monotonic=hand) as keys:
        yield TokenVerifier(keys, issuer=idp.url, audience=AUDIENCE)
