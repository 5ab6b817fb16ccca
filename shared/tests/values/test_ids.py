"""UUIDv7 according to RFC 9562."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from gridcare.values.ids import uuid7


def test_the_vector_of_the_standard():
    """The UUID is that of RFC 9562, appendix A.6."""
    at = datetime.fromtimestamp(1645557742, UTC)
    tail = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert uuid7(at, random=tail) == UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - as above
)


@example(datetime(1970, 1, 1, 0, 0, 1), bytes(10))  # noqa: DTZ001 - as above
@given(MOMENTS, st.binary(min_size=10, max_size=10))
def test_ids_sort_by_the_millisecond(at, random):
    """An id made a millisecond later is greater, whatever its random part."""
    at = at.replace(tzinfo=UTC)
    earlier, later = uuid7(at, random=random), uuid7(at + timedelta(milliseconds=1), random=random)
    assert earlier < later
    assert (earlier.version, earlier.variant) == (7, "specified in RFC 4122")
