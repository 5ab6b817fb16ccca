"""Cursors come back as they went, and rubbish is refused."""

import contextlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridcare.errors import BadRequest
from gridcare.http.pages import CURSOR_MAX_CHARACTERS, decode_cursor, encode_cursor

KEY = (datetime(2026, 11, 23, 8, tzinfo=UTC), UUID("019aab12-3456-7890-abcd-ef0123456789"))


def test_a_cursor_comes_back():
    """The sort key survives the way through a URL."""
    cursor = encode_cursor(KEY)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, tuple[datetime, UUID]) == KEY
    assert decode_cursor(None, tuple[datetime, UUID]) is None


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
def test_any_text_is_a_key_or_a_refusal(text):
    """Nothing that a caller sends as a cursor is a bug of ours."""
    found: object = None
    with contextlib.suppress(BadRequest):
        found = decode_cursor(text, tuple[datetime, UUID])
    assert found is None or isinstance(found, tuple)
