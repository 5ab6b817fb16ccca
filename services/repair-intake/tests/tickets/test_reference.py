"""References that are read out over the telephone."""

from hypothesis import given
from hypothesis import strategies as st

from repair_intake.tickets.core.reference import ALPHABET, COUNT, LENGTH, spell

NUMBERS = st.integers(min_value=0, max_value=COUNT - 1)


@given(NUMBERS, NUMBERS)
def test_numbers_are_spelt_differently(one: int, other: int):
    """Two numbers never share a reference."""
    assert (spell(one) == spell(other)) == (one == other)


@given(NUMBERS)
def test_six_characters_follow(number: int):
    """A reference is `T-` and six letters or digits of the alphabet."""
    reference = spell(number)
    assert reference.startswith("T-")
    assert len(reference) == 2 + LENGTH
    assert set(reference[2:]) <= set(ALPHABET)


def test_no_look_alikes():
    """No two characters of the alphabet are easily mistaken for each other."""
    for pair in ("0O", "1I", "1L", "2Z", "5S", "8B", "UV", "6G"):
        assert not set(pair) <= set(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET)
