"""Messages that no provider would take are refused before they are promised."""

from datetime import timedelta

import pytest

from gridcare.errors import Unprocessable
from outage_notifier.texts.fit import refuse_unfit
from outage_notifier.texts.languages import read_texts
from outage_notifier.texts.rendering import Catalog


@pytest.mark.parametrize(("windows", "letter", "refused"), [(20, "ភ", False), (60, "x", True), (48, "ភ", True)])
def test_longest_notices(clock, windows, letter, refused):
    """Twenty windows over midnight, the default limit, fit with the longest texts; more, which a setting may allow, do not."""
    nights = [clock.now() + timedelta(days=day, hours=12) for day in range(windows)]
    slots = {
        "place": letter * 200,
        "cause": letter * 200,
        "windows": [[night.isoformat(), (night + timedelta(hours=10)).isoformat()] for night in nights],
    }
    try:
        refuse_unfit(Catalog(read_texts(), sender="GRIDCARE"), "change", slots)
        code = None
    except Unprocessable as error:
        code = error.code
    assert code == ("notice-too-long" if refused else None)
