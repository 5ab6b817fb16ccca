"""What is here of each address, and in all."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gridcare.http.edge.tally import Tally


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
def test_comes_and_goes(steps):
    """It holds what came and has not gone, by address and in all, and nothing of an address that has none."""
    tally, known = Tally(), Counter()
    for address, comes in steps:
        if comes:
            tally.came(address)
            known[address] += 1
        elif known[address]:
            tally.went(address)
            known[address] -= 1
    assert {address: tally.of(address) for address in "abc"} == {address: known[address] for address in "abc"}
    assert (tally.total, set(tally._of)) == (known.total(), {address for address in "abc" if known[address]})
