"""Bodies: what is accepted, what is refused and with which pointer, how large and how slow they may be."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from gridcare.http.body import Body

THING = {"id": "019aab12-3456-7890-abcd-ef0123456789", "when": "2026-11-23T08:00:00+07:00"}


async def test_a_good_body_is_taken(client):
    """UUIDs and times come as strings; everything else keeps its JSON type."""
    answer = await client.post("/v1/things", json={**THING, "share": 1, "parts": [{"count": 1.0, "name": "x"}]})
    assert answer.status_code == 201, answer.text
    assert answer.json()["parts"] == [{"count": 1, "name": "x"}]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"colour": "red"}, "/body/colour"),
        ({"id": 5}, "/body/id"),
        ({"id": "no"}, "/body/id"),
        ({"when": 1763865000}, "/body/when"),
        ({"when": "2026-11-23T08:00:00"}, "/body/when"),
        ({"when": "0001-01-01T00:00:00+14:00"}, "/body/when"),
        ({"urgent": "yes"}, "/body/urgent"),
        ({"urgent": 1}, "/body/urgent"),
        ({"share": "0.5"}, "/body/share"),
        ({"kind": "c"}, "/body/kind"),
        ({"parts": {}}, "/body/parts"),
        ({"parts": [{"count": "1", "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": 1.5, "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": True, "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": 1e300, "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": 2**53, "name": "x"}]}, "/body/parts/0/count"),
        ({"parts": [{"count": 1, "name": "a\x00b"}]}, "/body/parts/0/name"),
        ({"parts": [{"count": 1, "name": 5}]}, "/body/parts/0/name"),
        ({"parts": [{"count": 1, "name": "x", "y": 1}]}, "/body/parts/0/y"),
    ],
)
async def test_errors_point_to_fields(client, change, pointer):
    """Unknown fields, wrong types and what PostgreSQL cannot store are 422, each with its pointer."""
    answer = await client.post("/v1/things", json={**THING, **change})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid-request"
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_lone_surrogates_are_refused(client):
    """Half a surrogate pair cannot be stored as text."""
    parts = b'[{"count": 1, "name": "\\ud800"}]'
    content = json.dumps(THING).encode()[:-1] + b', "parts": ' + parts + b"}"
    answer = await client.post("/v1/things", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text


async def test_input_values_are_not_echoed(client):
    """A problem names the field, never its value."""
    canary = "canary-0901234567"
    wrong = {**THING, "id": canary, "kind": canary, "urgent": canary, "parts": canary, "when": canary, "share": canary}
    answer = await client.post("/v1/things", json=wrong)
    assert answer.status_code == 422
    assert "canary" not in answer.text


@pytest.mark.parametrize("content", [b"{", b"", b"[" * 1500, b"\xff\xfe", b"[]", b"null", b'"x"'])
async def test_other_bodies_are_refused(client, content):
    """Broken, empty, deeply nested and other JSON gets a 4xx problem."""
    answer = await client.post("/v1/things", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/v1/things", "/v1/unread"])
async def test_large_bodies_are_413(client, path):
    """The limit applies whether or not the route reads the body, and the answer is a problem document."""
    answer = await client.post(path, content=b" " * 2001, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "body-too-large"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_chunked_bodies_are_counted(client):
    """A chunked body cannot hide its size."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    answer = await client.post("/v1/things", content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "body-too-large"


@dataclass(frozen=True)
class Part:
    name: str
    secret: str = "s"


@dataclass(frozen=True)
class Whole:
    made_at: datetime
    parts: tuple[Part, ...]
    secret: str = "s"


class PartOut(Body):
    name: str


class WholeOut(Body):
    made_at: datetime
    parts: list[PartOut]


def test_body_of_a_value():
    """A body takes the attributes of its fields' names, in the parts too, and nothing else."""
    made_at = datetime(2026, 11, 23, tzinfo=UTC)
    body = WholeOut.of(Whole(made_at, (Part("a"), Part("b"))))
    assert body.model_dump() == {"made_at": made_at, "parts": [{"name": "a"}, {"name": "b"}]}


def test_body_with_written_fields():
    """A field that is written out is taken as it is written, and read from its attributes as any other."""
    made_at = datetime(2026, 11, 23, tzinfo=UTC)
    body = WholeOut.of(Whole(made_at, ()), parts=[Part("c")])
    assert body.model_dump() == {"made_at": made_at, "parts": [{"name": "c"}]}
    with pytest.raises(ValidationError, match="another"):
        WholeOut.of(Whole(made_at, ()), another=1)
