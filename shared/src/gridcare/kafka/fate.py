"""The fates of a failed record, chosen by the type of the error that its handling raised."""

from enum import StrEnum

from gridcare.errors import PassedOver, Rejected, Retryable


class Fate(StrEnum):
    """What became of a record. The values are the metric's labels."""

    HANDLED = "handled"
    RETRYABLE = "retryable"
    """A dependency is down: wait in place, keep the order."""
    REJECTED = "rejected"
    """The record is bad: dead-letter it at once."""
    PASSED_OVER = "passed_over"
    """What it holds came later than this release: nothing is done with it."""
    BUG = "bug"
    """Our own bug: commit nothing, crash, be restarted; dead-letter the record only after several crashes."""


def fate_of(error: BaseException) -> Fate:
    """Return the fate for an error.

    An exception group has the gravest fate of its members: bug, retryable, rejected, passed over.
    """
    if isinstance(error, BaseExceptionGroup):
        fates = {fate_of(member) for member in error.exceptions}
        return next(fate for fate in (Fate.BUG, Fate.RETRYABLE, Fate.REJECTED, Fate.PASSED_OVER) if fate in fates)
    if isinstance(error, Retryable):
        return Fate.RETRYABLE
    if isinstance(error, Rejected):
        return Fate.REJECTED
    if isinstance(error, PassedOver):
        return Fate.PASSED_OVER
    return Fate.BUG


def reason_of(error: BaseException) -> str:
    """Return the stable code that a dead letter carries, never a message, which could quote the record."""
    if isinstance(error, BaseExceptionGroup):
        return reason_of(next(member for member in error.exceptions if fate_of(member) is fate_of(error)))
    return error.reason if isinstance(error, Rejected) else Fate.BUG.value
