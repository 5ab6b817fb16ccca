"""What a call to a provider that got no answer means for a message."""

from pyreqwest.exceptions import RequestError, RequestTimeoutError

from gridcare.http.client import was_sent
from outage_notifier.ledger.core.outcome import Outcome, OutcomeKind


def failed(error: RequestError) -> Outcome:
    """Say what a call without an answer came to: certainly not done, or perhaps done."""
    if not was_sent(error):
        return Outcome(OutcomeKind.RETRY, "no-connection")
    return Outcome(OutcomeKind.UNKNOWN, "timeout" if isinstance(error, RequestTimeoutError) else "connection-lost")
