"""Logs: one JSON object per line on standard output, without personal data.

Fields come from the vocabulary in `fields`; of other fields only the names are logged. Phone numbers are masked in every
string. An exception is logged as its class, its code and its stack, never with its message or locals: messages quote data
(asyncpg's `detail` holds whole rows). The standard library's loggers are treated the same way.
"""

import contextlib
import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec
import structlog

from gridcare.observability.fields import ALLOWED, clean, mask, text
from gridcare.observability.tracing import current_trace_id

FRAMES_MAX: Final = 12
CAUSES_MAX: Final = 4

_EVENT: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_TRUSTED_ARGUMENTS: Final = ("aiokafka", "uvicorn")
"""Loggers whose arguments are topics, brokers and addresses; the arguments of other loggers are left out."""

_NAMED_AFTER: Final = 30
"""Libraries log from `warning` up: below that they quote requests."""

EventDict = MutableMapping[str, object]


def configure(*, service: str, process: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Set up logging for this process, once, before anything else logs.

    `level` is debug, info, warning or error; `stream` is standard output unless a test passes another.
    """
    out = stream or sys.stdout
    base: dict[str, object] = {"service": service, "process": process}

    def write(_logger: object, _method: str, event: EventDict) -> str:
        return render({**base, **event})

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, write],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,  # module-level loggers must follow a later configure
    )
    root = logging.getLogger()
    root.handlers = [_Foreign(out, base)]
    root.setLevel(max(_LEVELS[level], _NAMED_AFTER))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "aiokafka"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    logging.captureWarnings(capture=True)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """Return a logger. Events are snake_case names, facts are fields: `logger.info("relay_waits", backoff_s=2)`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def render(event: Mapping[str, object]) -> str:
    """Return the JSON line of an event."""
    line: dict[str, object] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds")}
    dropped: list[str] = []
    name = event.get("event")
    if not isinstance(name, str) or not _EVENT.fullmatch(name):
        dropped.append("event")
        name = "unnamed_event"
    line["event"] = name
    error = _exception_of(event.get("exc_info"))
    for key, value in event.items():
        if key in {"event", "exc_info"}:
            continue
        if key == "message":  # the constant part of a library's message, see _message
            line[key] = text(str(value))
        elif key in ALLOWED:
            line[key] = clean(value)
        else:
            dropped.append(mask(key))
    if error is not None:
        line.update(describe(error))
    trace_id = current_trace_id()
    if trace_id is not None:
        line["trace_id"] = trace_id
    if dropped:
        line["dropped_fields"] = dropped
    return msgspec.json.encode(line).decode()


def describe(error: BaseException) -> dict[str, object]:
    """Return an exception's class, code, constraint, frames and causes, without its message."""
    described = {"error_class": _class_of(error), "error_code": _code_of(error)}
    constraint = getattr(error, "constraint_name", None)  # asyncpg: the name of an index or a check, never a value
    if isinstance(constraint, str):
        described["error_constraint"] = constraint
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    known: dict[str, object] = {key: value for key, value in described.items() if value is not None}
    if frames:
        known["error_frames"] = [f"{_short(frame.filename)}:{frame.lineno}:{frame.name}" for frame in frames]
    causes: list[str] = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and len(causes) < CAUSES_MAX:
        code = _code_of(cause)
        causes.append(_class_of(cause) + (f":{code}" if code else ""))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    if isinstance(error, BaseExceptionGroup):
        causes.extend(_class_of(part) for part in error.exceptions[:CAUSES_MAX])
    if causes:
        known["error_causes"] = causes
    return known


def _class_of(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _code_of(error: BaseException) -> str | None:
    """Return the error's stable code: ours, PostgreSQL's sqlstate, an errno or a Kafka error number."""
    for name in ("code", "reason", "sqlstate", "errno"):
        value = getattr(error, name, None)
        if isinstance(value, int) or (isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", value)):
            return mask(str(value))
    return None


def _short(filename: str) -> str:
    """Return the part of a path that names the module, without directories of the machine."""
    for root in ("/site-packages/", "/src/", "/lib/"):
        _, separator, tail = filename.rpartition(root)
        if separator:
            return tail
    return filename.rpartition("/")[2]


def _exception_of(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple) and len(exc_info) == 3 and isinstance(exc_info[1], BaseException):  # noqa: PLR2004 - as sys.exc_info() gives it
        return exc_info[1]
    return sys.exc_info()[1] if exc_info else None


class _Foreign(logging.Handler):
    """Handles what libraries log through the standard library."""

    def __init__(self, out: TextIO, base: Mapping[str, object]) -> None:
        super().__init__()
        self._out = out
        self._base = base

    def emit(self, record: logging.LogRecord) -> None:
        event: dict[str, object] = {
            **self._base,
            **structlog.contextvars.get_contextvars(),
            "event": "library_log",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            "exc_info": record.exc_info,
        }
        self._out.write(render(event) + "\n")
        self._out.flush()


def _message(record: logging.LogRecord) -> str:
    """Return the constant part of a message, with its arguments only for loggers known to carry no data of ours."""
    message = str(record.msg)
    if record.args and record.name.split(".")[0] in _TRUSTED_ARGUMENTS:
        arguments = record.args if isinstance(record.args, tuple) else (record.args,)
        with contextlib.suppress(TypeError, ValueError, KeyError):  # a library's mistake must not cost us the line
            message = message % tuple(_argument(part) for part in arguments)
    elif record.name == "asyncio":
        message = message.partition("(")[
            0
        ]  # what follows is the repr of a future or callback, with its exception's message
    return message.partition("\n")[0]


def _argument(value: object) -> object:
    """Return numbers, names and partitions as they are and anything else as its class name (it may quote data)."""
    if isinstance(value, str | int | float) or type(value).__name__ == "TopicPartition":
        return value
    return _class_of(value) if isinstance(value, BaseException) else f"<{type(value).__name__}>"
