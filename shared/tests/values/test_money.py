"""Dong: whole numbers in, whole numbers out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridcare.errors import GridcareError
from gridcare.values.money import AMOUNT_MAX_VND, InvalidAmount, checked_vnd, format_vnd, parse_vnd


@pytest.mark.parametrize(
    ("amount", "text"),
    [(896125, "896.125 ₫"), (0, "0 ₫"), (999, "999 ₫"), (1000, "1.000 ₫"), (-5000, "-5.000 ₫")],
)
def test_amounts_are_written_as_in_vietnam(amount, text):
    """Dots part the thousands, a no-break space and the dong sign follow."""
    assert format_vnd(amount).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("896.125 ₫", 896125),
        ("896.125\u00a0₫", 896125),
        ("896,125 VND", 896125),
        ("896 125đ", 896125),
        ("896125", 896125),
        ("-1.000", -1000),
        ("1.646.244", 1646244),
    ],
)
def test_every_common_way_to_write_an_amount_is_read(text, amount):
    """Any one separator of thousands and the common signs of the currency are read."""
    assert parse_vnd(text) == amount


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("896.12", "fraction"),
        ("1.5", "fraction"),
        ("1,50 ₫", "fraction"),
        ("896.125,50", "fraction"),
        ("1.000,000", "fraction"),
        ("", "not-an-amount"),
        ("₫", "not-an-amount"),
        ("1e5", "not-an-amount"),
        ("--5", "not-an-amount"),
        ("$5", "not-an-amount"),
        ("٣٣٣", "not-an-amount"),
        ("9" * 50, "not-an-amount"),
        ("10.000.000.000.000", "too-large"),
        ("10000000000000", "too-large"),
    ],
)
def test_what_is_no_whole_amount_is_refused(text, reason):
    """Fractions are refused, never rounded; so is what is too large or no number."""
    with pytest.raises(InvalidAmount) as refusal:
        parse_vnd(text)
    assert refusal.value.reason == reason
    assert isinstance(refusal.value, ValueError)
    assert isinstance(refusal.value, GridcareError)


@pytest.mark.parametrize(
    ("value", "reason"), [(1.0, "fraction"), (True, "not-an-amount"), ("5", "not-an-amount"), (10**13, "too-large")]
)
def test_only_whole_numbers_within_the_cap_are_money(value, reason):
    """Floats, booleans, texts and what is beyond the cap are refused where money is made."""
    with pytest.raises(InvalidAmount) as refusal:
        checked_vnd(value)
    assert refusal.value.reason == reason


@given(st.integers(-AMOUNT_MAX_VND, AMOUNT_MAX_VND))
def test_what_is_written_reads_back(amount):
    """Writing and reading an amount gives the same amount."""
    assert parse_vnd(format_vnd(amount)) == amount


@given(st.text(max_size=45))
def test_any_text_is_either_an_amount_or_refused(text):
    """No text raises anything but InvalidAmount."""
    try:
        amount = parse_vnd(text)
    except InvalidAmount:
        return
    assert abs(amount) <= AMOUNT_MAX_VND
