"""Pages of a list, cut from rows of which one more was read."""

import pytest

from gridcare.values.pages import cut_page


@pytest.mark.parametrize(
    ("rows", "page"),
    [([], ([], None)), ([1], ([1], None)), ([1, 2], ([1, 2], None)), ([1, 2, 3], ([1, 2], "2"))],
)
def test_page_of_two(rows, page):
    """A third row is not shown: it tells that a page follows, behind the last row that is shown."""
    assert cut_page(rows, 2, str) == page
