"""Traces: parents across Kafka and HTTP, route templates, no personal data, almost no cost when off."""

import json
import time
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Header

from gridcare.http.app import create_app
from gridcare.http.guard import Router
from gridcare.http.routes import public
from gridcare.observability import tracing
from gridcare.testing.http import client_for
from gridcare.testing.logs import captured_logs

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PHONE = "0901234567"


@pytest.fixture
def trace_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "spans.jsonl"
    tracing.configure(service="test", process="api", trace_file=str(path))
    yield path
    tracing.shutdown()


def spans(path: Path) -> dict[str, dict]:
    return {span["name"]: span for span in map(json.loads, path.read_text().splitlines())}


def test_spans_name_their_parents(trace_file):
    """A span names its trace, its parent, its service and its duration."""
    with tracing.span("plan_page", batch_id="b1", count=3, channel=None), tracing.span("store_batch"):
        pass
    outer, inner = spans(trace_file)["plan_page"], spans(trace_file)["store_batch"]
    assert (inner["trace_id"], inner["parent_id"]) == (outer["trace_id"], outer["span_id"])
    assert outer["attributes"] == {"batch_id": "b1", "count": 3}
    assert (outer["service"], outer["process"], outer["failed"]) == ("test", "api", False)
    assert outer["end_ns"] >= outer["start_ns"]


def test_traces_cross_kafka(trace_file):
    """The span in an event's header is the parent of its handling, whose own header names the handling."""
    with tracing.span("handle", PARENT):
        own = tracing.current_traceparent()
    span = spans(trace_file)["handle"]
    assert (span["trace_id"], span["parent_id"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert own == f"00-{span['trace_id']}-{span['span_id']}-01"


@pytest.mark.parametrize("rubbish", ["", "x", PARENT.upper(), "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_broken_headers_start_anew(trace_file, rubbish):
    """A malformed traceparent neither fails nor is passed on."""
    with tracing.span("handle", rubbish):
        pass
    assert spans(trace_file)["handle"]["parent_id"] is None


def test_spans_hold_no_personal_data(trace_file):
    """Unknown attributes are dropped, values are masked, and exceptions appear by class only."""
    with pytest.raises(ValueError, match=PHONE), tracing.span("send", phone=PHONE, reason=PHONE, code="Nguyễn Văn A"):
        raise ValueError(PHONE)
    span = spans(trace_file)["send"]
    assert span["failed"]
    assert span["attributes"] == {"reason": "***67", "code": "<text>", "error_class": "ValueError"}
    assert PHONE not in trace_file.read_text()


async def test_spans_hold_route_templates(trace_file):
    """A request's span is named by its route template; path, query and headers are not in it."""
    router = Router(prefix="/v1")

    @router.get("/people/{phone}")
    @public("a test")
    async def read_person(phone: str, q: str, x_name: Annotated[str, Header()]) -> str | None:
        if q == "fail":
            raise RuntimeError(phone + x_name)
        with tracing.span("look_up"):
            return tracing.current_traceparent()

    app = create_app(title="Test", version="1", routers=[router])
    headers = {"traceparent": PARENT, "x-name": "Canary", "baggage": "name=Canary"}
    with captured_logs() as log:
        async with client_for(app) as client:
            answer = await client.get(f"/v1/people/{PHONE}", params={"q": "Canary"}, headers=headers)
            failed = await client.get(f"/v1/people/{PHONE}", params={"q": "fail"}, headers=headers)
            await client.get(f"/v1/nowhere/{PHONE}", params={"q": "Canary"})
    text = trace_file.read_text() + log.text
    assert "Canary" not in text
    assert "1234567" not in text
    request = [json.loads(line) for line in trace_file.read_text().splitlines()][1]
    assert (request["name"], request["kind"]) == ("GET /v1/people/{phone}", "server")
    assert request["attributes"]["http.response.status_code"] == 200
    assert request["parent_id"] == "00f067aa0ba902b7"
    assert spans(trace_file)["look_up"]["parent_id"] == request["span_id"]
    assert answer.json().split("-")[1] == request["trace_id"] == failed.json()["traceId"]
    assert {line["route"] for line in log.named("request_served")} == {"/v1/people/{phone}", "/{unmatched}"}
    assert {line["request_id"] for line in log.named("request_failed")} == {failed.json()["traceId"]}


def test_two_processes_share_a_file(trace_file):
    """Lines are appended whole, and opening the file again does not truncate it."""
    with tracing.span("first"):
        pass
    tracing.configure(service="test", process="relay", trace_file=str(trace_file))
    with tracing.span("second"):
        pass
    assert {name: span["process"] for name, span in spans(trace_file).items()} == {"first": "api", "second": "relay"}


def test_tracing_off_costs_nothing():
    """Without a trace file there is no traceparent and a span takes under 2 µs of CPU time (best of many short rounds)."""
    tracing.configure(service="test", process="api", trace_file=None)

    def traced() -> None:
        with tracing.span("send", PARENT, batch_id="b1"):
            pass

    best_us = min(timeit.repeat(traced, timer=time.thread_time, number=500, repeat=100)) / 500 * 1e6
    assert tracing.current_traceparent() is None
    assert best_us < 2
