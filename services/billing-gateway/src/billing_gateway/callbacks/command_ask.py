"""`ask`: what ops run to ask a provider about one payment now, in whatever state it is."""

import sys
from collections.abc import Sequence
from uuid import UUID

from billing_gateway.callbacks.flow.ask_providers import ask_about_payment
from billing_gateway.callbacks.room import Inquiries
from gridcare.errors import NotFound

USAGE = "usage: ask PAYMENT_ID (an order reference is one without its dashes)\n"


async def ask_command(arguments: Sequence[str], *, room: Inquiries) -> int:
    """Run the command, and print what was answered and where the payment stands then.

    Return 0 for a definite answer, 1 for none or for no such payment, 2 when it was called in another way. Raises Retryable.
    """
    try:
        (text,) = arguments
        payment_id = UUID(text)
    except ValueError:
        sys.stderr.write(USAGE)
        return 2
    try:
        result, payment = await ask_about_payment(payment_id, room=room)
    except NotFound:
        sys.stderr.write("there is no such payment\n")
        return 1
    sys.stdout.write(f"{payment.payment_id} {payment.provider}: {result.finding} ({result.reason}); {payment.state}\n")
    return 1 if result.finding == "unclear" else 0
