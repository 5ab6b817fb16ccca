"""Cursors decode to what was encoded, and rubbish is refused."""

import base64
import contextlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridcare.errors import BadRequest
from gridcare.http.pages import CURSOR_MAX_CHARACTERS, Serial, decode_cursor, encode_cursor, page_of

KEY = (datetime(2026, 11, 23, 8, tzinfo=UTC), UUID("019aab12-3456-7890-abcd-ef0123456789"))


def test_a_cursor_comes_back():
    """The sort key survives the trip through a URL."""
    cursor = encode_cursor(KEY)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, tuple[datetime, UUID]) == KEY
    assert decode_cursor(None, tuple[datetime, UUID]) is None


def test_next_of_a_page():
    """A page says how to get the following one, and the last one says null; a key may be any value, zero too."""
    assert page_of(["a"], None).model_dump() == {"items": ["a"], "next": None}
    assert decode_cursor(page_of(["a"], 0).next, Serial) == 0


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "abc", "é", "bnVsbA", encode_cursor(("x", "y")), encode_cursor([1]), "A" * 600, encode_cursor("[" * 300)],
)
def test_rubbish_is_refused(cursor):
    """A cursor of another shape, length or alphabet is 400."""
    with pytest.raises(BadRequest) as caught:
        decode_cursor(cursor, tuple[datetime, UUID])
    assert caught.value.code == "invalid-cursor"


@given(st.text(max_size=CURSOR_MAX_CHARACTERS))
def test_any_text_is_handled(text):
    """Whatever a caller sends as a cursor is either a key or refused."""
    key: object = None
    with contextlib.suppress(BadRequest):
        key = decode_cursor(text, tuple[datetime, UUID])
    assert key is None or isinstance(key, tuple)


@pytest.mark.parametrize("number", [2**63, -1, 10**400])
def test_huge_number_is_refused(number):
    """A number that PostgreSQL's bigint does not hold is 400, before a statement is run."""
    with pytest.raises(BadRequest):
        decode_cursor(base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("="), Serial)


@pytest.mark.parametrize("shape", [int, str, tuple[UUID, int], tuple[str, UUID]])
def test_unbounded_shape_is_refused(shape):
    """A door whose cursor could hold any integer or string fails at its first use, on the first page too."""
    with pytest.raises(TypeError):
        decode_cursor(None, shape)
