"""The composition root: turns a process's foundation into the rooms of the service."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from billing_gateway import NAME
from billing_gateway.bills.room import Bills
from billing_gateway.callbacks.room import Callbacks
from billing_gateway.payments.core import Limits
from billing_gateway.payments.room import Payments
from billing_gateway.providers.vnpay.merchant import Vnpay
from billing_gateway.settings import Settings
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.postgres.poison.guard import Guard
from gridcare.postgres.token_buckets import Buckets
from gridcare.process.service import Foundation


@dataclass(frozen=True, slots=True)
class Rooms:
    """The service's rooms, and what checks the callers at their doors: their tokens, and how often they come."""

    verifier: TokenVerifier
    buckets: Buckets
    bills: Bills
    callbacks: Callbacks
    payments: Payments


@asynccontextmanager
async def wired(foundation: Foundation[Settings]) -> AsyncIterator[Rooms]:
    """Open the rooms on a process's foundation; close what they hold, in reverse, at the end of the block."""
    db, clock, settings = foundation.db, foundation.clock, foundation.settings
    vnpay, guard = vnpay_of(settings), Guard(db)
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(
            TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME, ca_file=settings.oidc_ca_file)
        )
        yield Rooms(
            verifier=verifier,
            buckets=Buckets(db, {"payments": settings.payments_per_hour_max}),
            bills=Bills(db, clock),
            callbacks=Callbacks(db, clock, guard, {"vnpay": vnpay}),
            payments=Payments(db, clock, {"vnpay": vnpay}, limits_of(settings), guard),
        )


def vnpay_of(settings: Settings) -> Vnpay:
    """Return VNPay's merchant that the settings describe."""
    return Vnpay(
        tmn_code=settings.vnpay_tmn_code,
        hash_secret=settings.vnpay_hash_secret.get_secret_value(),
        pay_url=settings.vnpay_pay_url,
        return_url=settings.vnpay_return_url,
        order_type=settings.vnpay_order_type,
        acceptance_answers=settings.vnpay_acceptance_answers,
    )


def limits_of(settings: Settings) -> Limits:
    """Return the limits of a payment that the settings state."""
    return Limits(
        amount_min_vnd=settings.payment_amount_min_vnd,
        amount_max_vnd=settings.payment_amount_max_vnd,
        lifetime=timedelta(seconds=settings.payment_lifetime_s),
    )
