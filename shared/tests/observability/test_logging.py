"""Logs: one JSON line each, a closed vocabulary, and no way in for personal data."""

import asyncio
import gc
import logging as standard
import warnings
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
import structlog
from aiokafka.errors import KafkaConnectionError
from hypothesis import given
from hypothesis import strategies as st

from gridcare.errors import Rejected
from gridcare.observability.fields import TEXT_MAX, clean, mask
from gridcare.observability.logging import get_logger
from gridcare.testing.logs import captured_logs

PHONE = "0901234567"
NAME = "Nguyễn Văn Canary"
OUTAGE = UUID("01234567-8901-7345-8901-234567890123")

logger = get_logger()


def hits(text: str) -> list[str]:
    """Return the canaries that a text contains, however a phone number is written."""
    digits = "".join(c for c in text if c.isdigit())
    return [canary for canary in ("901234567", "Canary", "Nguy", "\\u1ec5") if canary in text or canary in digits]


def test_a_line_is_json():
    """Each line has the service, process, level, time and the allowed fields."""
    with captured_logs() as log:
        logger.info("relay_waits", backoff_s=2.5, outage_id=OUTAGE, due_at=datetime(2026, 11, 23, tzinfo=UTC))
    (line,) = log.lines
    assert datetime.fromisoformat(line.pop("time")).tzinfo
    assert line == {
        "event": "relay_waits",
        "service": "test",
        "process": "test",
        "level": "info",
        "backoff_s": 2.5,
        "outage_id": str(OUTAGE),
        "due_at": "2026-11-23T00:00:00+00:00",
    }


def test_unknown_fields_are_named():
    """A field outside the vocabulary leaves its name and nothing else."""
    with captured_logs() as log:
        logger.info("sent", phone=PHONE, customer=NAME, batch_id="b1")
    (line,) = log.lines
    assert line["dropped_fields"] == ["phone", "customer"]
    assert line["batch_id"] == "b1"
    assert not hits(log.text)


@pytest.mark.parametrize(
    "value",
    [
        PHONE,
        "+84901234567",
        "84901234567",
        "tel:+84-901-234-567",
        NAME,
        f"to={PHONE}",
        f"{NAME} {PHONE}",
        [PHONE, NAME],
        {"reason": PHONE, "x": NAME},
        "sms" + PHONE,
        ValueError(f"{NAME} {PHONE}"),
        structlog,
        b"0901234567",
    ],
)
def test_values_are_masked_or_named(value):
    """Phone numbers are masked in any string, prose is refused, and unknown types become their class name."""
    with captured_logs() as log:
        logger.info("sent", reason=value, code="x")
    assert not hits(log.lines[0]["reason"] if isinstance(log.lines[0]["reason"], str) else str(log.lines[0]["reason"]))


def test_masking_precedes_cutting():
    """A long value is cut after masking, so that no half of a phone number is left at its end."""
    with captured_logs() as log:
        logger.info("sent", reason="-" * (TEXT_MAX - 7) + PHONE)
    assert log.lines[0]["reason"] == "-" * (TEXT_MAX - 7) + "***67"


def test_an_event_is_a_name():
    """A message built with an f-string does not reach the log."""
    with captured_logs() as log:
        logger.info(f"sent to {NAME} {PHONE}")  # noqa: G004 - the very mistake that is tested
    (line,) = log.lines
    assert (line["event"], line["dropped_fields"]) == ("unnamed_event", ["event"])
    assert not hits(log.text)


def failing(secret: str) -> None:
    local = f"{secret} {PHONE}"
    try:
        raise ValueError(local)  # noqa: TRY301 - a chain is needed
    except ValueError as error:
        raise KeyError(local) from error


def test_exceptions_lose_their_message():
    """Neither the message nor the locals of an exception or of its causes are logged."""
    with captured_logs() as log:
        try:
            failing(NAME)
        except KeyError:
            logger.exception("batch_failed")
    (line,) = log.lines
    assert (line["error_class"], line["error_causes"]) == ("KeyError", ["ValueError"])
    assert [frame.rpartition(":")[2] for frame in line["error_frames"]][-1] == "failing"
    assert not any(frame.startswith("/") for frame in line["error_frames"])
    assert not hits(log.text)


def test_database_details_are_dropped():
    """A database error's detail holds the row; its sqlstate and its constraint's name are enough."""
    error = asyncpg.UniqueViolationError(f"duplicate key ({PHONE})")
    error.detail = f"Key (phone)=({PHONE}) of {NAME} already exists."
    error.constraint_name = "contact_phone_index"
    with captured_logs() as log:
        logger.error("save_failed", exc_info=error)
    (line,) = log.lines
    assert line["error_class"] == "asyncpg.exceptions.UniqueViolationError"
    assert (line["error_code"], line["error_constraint"]) == ("23505", "contact_phone_index")
    assert not hits(log.text)


def test_codes_and_groups_are_logged():
    """Rejected is logged with its reason, an exception group with the classes inside."""
    group = ExceptionGroup(PHONE, [Rejected("invalid-event-data", NAME), OSError(PHONE)])
    with captured_logs() as log:
        logger.error("record_failed", exc_info=Rejected("invalid-event-data", NAME))
        logger.error("loops_failed", exc_info=group)
    first, second = log.lines
    assert first["error_code"] == "invalid-event-data"
    assert second["error_causes"] == ["gridcare.errors.Rejected", "OSError"]
    assert not hits(log.text)


def test_libraries_log_as_we_do():
    """uvicorn, aiokafka and warnings come out as JSON, without arguments that could be ours."""
    with captured_logs() as log, warnings.catch_warnings():
        warnings.simplefilter("default")
        standard.getLogger("aiokafka.conn").error("Unable to connect to %s: %s", "h:9092", KafkaConnectionError(PHONE))
        standard.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=ValueError(NAME))
        standard.getLogger("twilio").warning("POST to %s with %s", PHONE, NAME)
        standard.getLogger("some.library").info("chatter")
        warnings.warn(f"something about {PHONE}", UserWarning, stacklevel=1)
    broker, server, provider, warning = log.lines
    assert broker["message"] == "Unable to connect to h:9092: aiokafka.errors.KafkaConnectionError"
    assert (server["logger"], server["error_class"]) == ("uvicorn.error", "ValueError")
    assert provider["message"] == "POST to %s with %s"
    assert warning["logger"] == "py.warnings"
    assert not hits(log.text)


def test_broken_messages_are_logged():
    """Arguments that do not fit their template do not lose the line."""
    with captured_logs() as log:
        standard.getLogger("aiokafka").warning("%d and %s", "x")  # noqa: PLE1206 - the very mistake that is tested
        standard.getLogger("aiokafka").warning("%(x)s", {"x": PHONE})
    assert [line["event"] for line in log.lines] == ["library_log", "library_log"]
    assert not hits(log.text)


async def test_unretrieved_exceptions_lose_messages():
    """A task whose exception nobody retrieved is logged by class; its repr would quote the message."""

    async def doomed(_secret: str) -> None:
        raise ValueError(f"{NAME} {PHONE}")

    with captured_logs() as log:
        task = asyncio.get_running_loop().create_task(doomed(NAME))
        await asyncio.wait({task})
        del task
        gc.collect()
        asyncio.get_running_loop().call_soon(lambda _: 1 / 0, f"{NAME} {PHONE}")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    classes = {line.get("error_class") for line in log.lines if line["logger"] == "asyncio"}
    assert classes == {"ValueError", "ZeroDivisionError"}
    assert not hits(log.text)


def test_the_level_is_kept():
    """Our debug lines appear only if that level was configured."""
    with captured_logs("warning") as log:
        logger.info("unheard")
        logger.warning("heard")
    assert [line["event"] for line in log.lines] == ["heard"]


@given(
    st.sampled_from(["0", "+84", "84", "+84 ", "0084"]),
    st.from_regex(r"[35789]\d{8}", fullmatch=True),
    st.sampled_from(["", " ", ".", "-"]),
    st.sampled_from(["", "to ", "(", "tel:", "sms", "A", '"', "=", "sms-", "\n"]),
)
def test_every_phone_format_is_masked(prefix, rest, separator, before):
    """National, international, spaced, dotted, quoted: at most the last two digits are left."""
    grouped = separator.join((rest[:3], rest[3:6], rest[6:]))
    masked = mask(f"{before}{prefix}{grouped} x")
    assert sum(c.isdigit() for c in masked) <= 4, masked
    assert rest[:7] not in masked


@pytest.mark.parametrize(
    "text",
    [
        str(OUTAGE),
        "PB11010012345",
        "code=PB09012345678",
        "SM0123456789abcdef0123456789012345",
        "4bf92f3577b34da6a3ce929d0e0e0901",
        "2026-11-23T08:00:00+07:00",
        "notice-batches.sms.bulk.v1",
        "0.25",
        "offset:12345678",
    ],
)
def test_other_numbers_stay(text):
    """Ids, customer codes, times and topics are left whole, or nobody could follow a trace."""
    assert mask(text) == text


@pytest.mark.parametrize("number", [84912345678, 84292373123])
def test_a_phone_as_integer(number):
    """It is masked like its text; counts, sizes and offsets stay numbers."""
    assert clean(number) == f"***{str(number)[-2:]}"
    assert [clean(n) for n in (0, 500, 1_048_576, 912_345, True)] == [0, 500, 1_048_576, 912_345, True]
