"""Traces: OpenTelemetry spans as JSON lines in a file, or nothing at all.

Without a trace file no span is made, so `span` costs next to nothing. Names are static and attributes come from the
vocabulary in `fields`: no query string, path with ids or exception message reaches the file.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gridcare.observability.fields import ALLOWED, clean, text

_HTTP_ATTRIBUTES: Final = frozenset(
    {"http.route", "http.request.method", "http.response.status_code", "error.type", "network.protocol.version"}
)
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_NOTHING: Final = nullcontext()


class JsonLines(SpanExporter):
    """Appends each finished span as one line. Several processes may share the file: O_APPEND keeps lines whole."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            os.write(self._file, msgspec.json.encode(_line(span)) + b"\n")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _line(span: ReadableSpan) -> dict[str, object]:
    context = span.context or SpanContext(0, 0, is_remote=False)
    attributes: Mapping[str, object] = span.attributes or {}
    resource: Mapping[str, object] = span.resource.attributes
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "name": text(span.name),
        "kind": span.kind.name.lower(),
        "service": resource.get("service.name"),
        "process": resource.get("gridcare.process"),
        "start_ns": span.start_time,
        "end_ns": span.end_time,
        "failed": span.status.status_code is StatusCode.ERROR,
        "attributes": {
            name: clean(value) for name, value in attributes.items() if name in ALLOWED or name in _HTTP_ATTRIBUTES
        },
    }


class _Tracing:
    """What `configure` set up; `tracer` is None while nothing is recorded."""

    provider: TracerProvider | None = None
    tracer: trace.Tracer | None = None


def configure(*, service: str, process: str, trace_file: str | None) -> None:
    """Record spans to `trace_file` from now on, or stop recording if it is None. Raises OSError for a bad path."""
    shutdown()
    if trace_file is None:
        return
    resource = Resource({"service.name": service, "gridcare.process": process})
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(JsonLines(trace_file)))
    _Tracing.provider = provider
    _Tracing.tracer = provider.get_tracer("gridcare")


def shutdown() -> None:
    """Close the trace file."""
    if _Tracing.provider is not None:
        _Tracing.provider.shutdown()
    _Tracing.provider = _Tracing.tracer = None


def provider() -> TracerProvider | None:
    """Return the tracer provider for libraries that trace, or None while nothing is recorded."""
    return _Tracing.provider


def span(name: str, traceparent: str | None = None, **attributes: object) -> AbstractContextManager[None]:
    """Record what happens inside the `with` block as one span.

    `traceparent` (W3C Trace Context, as in an event's header) names the span that caused this one; without it the parent is
    the current span. Attributes outside the vocabulary are dropped.
    """
    if _Tracing.tracer is None:
        return _NOTHING
    return _record(_Tracing.tracer, name, traceparent, attributes)


@contextmanager
def _record(
    tracer: trace.Tracer, name: str, traceparent: str | None, attributes: Mapping[str, object]
) -> Iterator[None]:
    parent = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
    known = {key: _attribute(value) for key, value in attributes.items() if key in ALLOWED and value is not None}
    with tracer.start_as_current_span(
        name, parent, attributes=known, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_attribute("error_class", type(error).__name__)
            current.set_status(StatusCode.ERROR)
            raise


def _attribute(value: object) -> str | bool | int | float:
    cleaned = clean(value)
    return cleaned if isinstance(cleaned, str | bool | int | float) else str(cleaned)


def current_traceparent() -> str | None:
    """Return the current span as a W3C `traceparent` for an event to carry, or None while nothing is recorded."""
    if _Tracing.tracer is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & TraceFlags.SAMPLED:02x}"


def current_trace_id() -> str | None:
    """Return the current trace id (32 hex digits), or None while nothing is recorded."""
    if _Tracing.tracer is None:
        return None
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
