"""Segments of SMS, checked against smsutil for the alphabets and the counts."""

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from outage_notifier.texts.segments import GSM7_BASIC, GSM7_EXTENSION, segments, unaccented

GSM7 = st.sampled_from(sorted(GSM7_BASIC | GSM7_EXTENSION))
ANY_TEXT = st.characters(exclude_categories=["Cs"], exclude_characters="\x1b")
"""smsutil takes the escape itself for a letter of GSM-7, while it only introduces one."""


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", "gsm7", 0, 0),
        ("a" * 160, "gsm7", 160, 1),
        ("a" * 161, "gsm7", 161, 2),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 307, "gsm7", 307, 3),
        ("€" * 80, "gsm7", 160, 1),
        ("€" * 81, "gsm7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "gsm7", 306, 3),
        ("à è é ì ò ù", "gsm7", 11, 1),
        ("đ" * 70, "ucs2", 70, 1),
        ("đ" * 71, "ucs2", 71, 2),
        ("đ" * 134, "ucs2", 134, 2),
        ("đ" * 135, "ucs2", 135, 3),
        ("😀" * 35, "ucs2", 70, 1),
        ("😀" * 36, "ucs2", 72, 2),
        ("ភ" * 70, "ucs2", 70, 1),
    ],
)
def test_edges_of_segments(text, encoding, units, count):
    """A segment holds 160 or 153 septets, 70 or 67 units; an escape or a surrogate pair is never cut."""
    taken = segments(text)
    assert (taken.encoding, taken.units, taken.count) == (encoding, units, count)


@given(st.text(ANY_TEXT, min_size=1, max_size=400))
def test_any_text(text):
    """The encoding and the number of segments agree with smsutil for any text."""
    oracle = smsutil.split(text)
    taken = segments(text)
    assert taken.encoding == ("gsm7" if oracle.encoding == "gsm0338" else "ucs2")
    assert taken.count == len(oracle.parts)


@given(st.text(GSM7, min_size=100, max_size=500))
def test_any_gsm7_text(text):
    """They agree for texts of the GSM-7 alphabet alone, where escapes fall on edges."""
    assert segments(text).count == len(smsutil.split(text).parts)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Điện lực Cần Thơ", "Dien luc Can Tho"),
        ("đường dây \u2013 “trung thế”…", 'duong day - "trung the"...'),
        ("896.125\u00a0₫", "896.125 VND"),
        ("ភ្លើង", "ភ្លើង"),
        ("ẶỆỖỮỴ ặệỗữỵ", "AEOUY aeouy"),
    ],
)
def test_without_diacritics(text, written):
    """Each Vietnamese letter keeps its base; Khmer keeps its vowels, which are marks too."""
    assert unaccented(text) == written


VIETNAMESE = "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵĐ 0123456789.,"


@given(st.text(st.sampled_from(VIETNAMESE)))
def test_vietnamese_becomes_gsm7(text):
    """No letter of the Vietnamese alphabet is left that would make the text UCS-2."""
    assert segments(unaccented(text)).encoding == "gsm7"
    assert len(unaccented(text)) == len(text)
