"""Cursors decode to what was encoded, and rubbish is refused."""

import contextlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridcare.errors import BadRequest
from gridcare.http.pages import CURSOR_MAX_CHARACTERS, decode_cursor, encode_cursor, page_of

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
    assert decode_cursor(page_of(["a"], 0).next, int) == 0


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
