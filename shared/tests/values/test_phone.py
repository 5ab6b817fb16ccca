"""Vietnamese mobile numbers are parsed to E.164 and masked."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridcare.errors import GridcareError
from gridcare.values.phone import InvalidPhone, mask, parse_mobile


@pytest.mark.parametrize(
    "text",
    ["0912345678", "+84912345678", "84912345678", "0084912345678", " 0912 345 678 ", "(091) 234-5678", "0912.345.678"],
)
def test_formats_give_one_number(text):
    """National and international forms, with separators, become the same E.164 number."""
    assert parse_mobile(text) == "+84912345678"


@pytest.mark.parametrize("prefix", ["32", "39", "56", "58", "70", "79", "81", "85", "86", "88", "90", "96", "98"])
def test_current_prefixes_are_mobile(prefix):
    """Numbers of the ten-digit plan of 2018 are accepted."""
    assert parse_mobile(f"0{prefix}1234567") == f"+84{prefix}1234567"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not-a-number"),
        ("+", "not-a-number"),
        ("không có", "not-a-number"),
        ("0912", "not-a-number"),
        ("091234567890", "not-a-number"),
        ("0912345678 ext 5", "not-a-number"),
        ("09CANTHO78", "not-a-number"),
        ("\u0660\u0669\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "not-a-number"),  # Arabic-Indic digits
        ("1" * 500, "not-a-number"),
        ("+14155552671", "not-vietnamese"),
        ("+85512345678", "not-vietnamese"),
        ("02923821234", "not-mobile"),
        ("19001006", "not-mobile"),
        ("0601234567", "not-mobile"),
    ],
)
def test_refusals_have_reasons(text, reason):
    """Each refusal has one of three reasons and does not repeat the number."""
    with pytest.raises(InvalidPhone) as refusal:
        parse_mobile(text)
    assert refusal.value.reason == reason
    assert isinstance(refusal.value, ValueError)
    assert isinstance(refusal.value, GridcareError)
    assert not any(character.isdigit() for character in str(refusal.value))


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [("01651234567", "0165", "035"), ("+841201234567", "0120", "070"), ("0199 123 4567", "0199", "059")],
)
def test_old_numbers_get_a_hint(text, old, new):
    """An eleven-digit number is not converted to a new one; the error names both prefixes."""
    with pytest.raises(InvalidPhone) as refusal:
        parse_mobile(text)
    assert refusal.value.reason == "not-mobile"
    assert old in refusal.value.hint
    assert new in refusal.value.hint
    assert "1234567" not in str(refusal.value)


@given(st.text(max_size=40))
def test_any_text_is_handled(text):
    """No text raises anything but InvalidPhone, and what is accepted is valid for the library and parses to itself."""
    try:
        phone = parse_mobile(text)
    except InvalidPhone:
        return
    assert parse_mobile(phone) == phone
    assert phonenumbers.is_valid_number(phonenumbers.parse(phone))


def test_masks_hide_the_length():
    """A mask shows the country and two digits, and the number of stars does not tell the length."""
    assert mask("+84912345612") == "+84*****12"
    assert mask("+842923821234") == "+84*****34"


@pytest.mark.parametrize("text", ["", "0912345678", "+14155552671", "+84", "+8412", "+84912x45678", "Nguyễn"])
def test_other_text_is_masked_whole(text):
    """A mask never lets through anything that it does not recognise."""
    assert mask(text) == "*****"
