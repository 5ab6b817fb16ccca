"""The fates of a failed record."""

import pytest

from gridcare.errors import Conflict, PassedOver, Rejected, Retryable
from gridcare.kafka.fate import Fate, fate_of, reason_of


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (Retryable("database"), Fate.RETRYABLE),
        (Rejected("no-such-thing"), Fate.REJECTED),
        (PassedOver("gridcare.Later"), Fate.PASSED_OVER),
        (ValueError("oops"), Fate.BUG),
        (TimeoutError(), Fate.BUG),
        (Conflict("twin"), Fate.BUG),
        (ExceptionGroup("", [Rejected("a"), Retryable("b")]), Fate.RETRYABLE),
        (ExceptionGroup("", [Rejected("a"), ExceptionGroup("", [KeyError("x")]), Retryable("b")]), Fate.BUG),
        (ExceptionGroup("", [Rejected("a"), PassedOver("b")]), Fate.REJECTED),
    ],
)
def test_fate_by_type(error: Exception, fate: Fate):
    """Only an error's type decides its fate, and a group has the gravest fate of its members."""
    assert fate_of(error) is fate


def test_reason_is_the_code():
    """A dead letter carries the reason code, never the detail."""
    assert reason_of(Rejected("bad-phone", "0901234567")) == "bad-phone"
    assert reason_of(ExceptionGroup("", [Rejected("bad-phone", "0901234567")])) == "bad-phone"
    assert reason_of(KeyError("0901234567")) == "bug"
