"""What counts as a customer code."""

import re

import pytest

from gridcare.values.customer_code import CUSTOMER_CODE_PATTERN, is_customer_code


@pytest.mark.parametrize("text", ["PB11010012345", "PB11280000000", "PB11999999999"])
def test_codes_from_bills_pass(text):
    """A code of the observed shape is a customer code, for the function and for the pattern."""
    assert is_customer_code(text)
    assert re.search(CUSTOMER_CODE_PATTERN, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PB1101001234",
        "PB110100123456",
        "pb11010012345",
        "PB12010012345",
        "PB1101001234\u0665",
        "PB11010012345\n",
        " PB11010012345",
    ],
)
def test_anything_else_is_refused(text):
    """Another length, case, unit or script, or a line end, is refused."""
    assert not is_customer_code(text)
