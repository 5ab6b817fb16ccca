"""Dong: whole numbers in, whole numbers out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridcare.errors import GridcareError
from gridcare.values.money import AMOUNT_MAX_VND, InvalidAmount, checked_vnd, format_vnd


@pytest.mark.parametrize(
    ("amount", "text"),
    [(896125, "896.125 ₫"), (0, "0 ₫"), (999, "999 ₫"), (1000, "1.000 ₫"), (-5000, "-5.000 ₫")],
)
def test_amounts_are_written_as_in_vietnam(amount, text):
    """Dots part the thousands, a no-break space and the dong sign follow."""
    assert format_vnd(amount).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "reason"), [(1.0, "fraction"), (True, "not-an-amount"), ("5", "not-an-amount"), (10**13, "too-large")]
)
def test_only_whole_numbers_within_the_cap_are_money(value, reason):
    """Floats, booleans, texts and what is beyond the cap are refused where money is made."""
    with pytest.raises(InvalidAmount) as refusal:
        checked_vnd(value)
    assert refusal.value.reason == reason
    assert isinstance(refusal.value, ValueError)
    assert isinstance(refusal.value, GridcareError)


@given(st.integers(-AMOUNT_MAX_VND, AMOUNT_MAX_VND))
def test_digits_are_kept(amount):
    """Only grouping and the currency sign are added to an amount's digits."""
    assert format_vnd(amount).removesuffix("\u00a0₫").replace(".", "") == str(amount)
