"""The outcomes of calls that were not made."""

from typing import Final

from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind

BLOCKED: Final = Outcome(OutcomeKind.MISCONFIGURED, "breaker-open")
"""An open breaker forbade the call."""

NOT_STARTED: Final = Outcome(OutcomeKind.RETRY, "not-started")
"""The call could not be started any more: it is made later."""
