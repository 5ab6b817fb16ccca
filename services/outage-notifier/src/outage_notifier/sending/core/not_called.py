"""The outcomes of calls that no provider answered: they were not made, or broke on our side."""

from typing import Final

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

NOT_STARTED: Final = Outcome(OutcomeKind.RETRY, "not-started")
"""The call could not be started any more: it is made later."""

BROKEN: Final = Outcome(OutcomeKind.UNKNOWN, "bug")
"""A bug of ours ended the call, which may have been made by then."""
