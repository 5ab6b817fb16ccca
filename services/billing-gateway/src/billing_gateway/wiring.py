"""The composition root: what a process's foundation is made into."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from billing_gateway.payments.core import Limits
from billing_gateway.payments.room import PaymentDesk
from billing_gateway.providers.vnpay import Vnpay
from billing_gateway.settings import Settings
from gridcare.http.auth import TokenVerifier
from gridcare.postgres.database import Database
from gridcare.process.service import Foundation
from gridcare.values.clock import Clock

NAME = "billing-gateway"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a flow needs."""

    settings: Settings
    clock: Clock
    db: Database
    verifier: TokenVerifier
    desk: PaymentDesk


@asynccontextmanager
async def wired(foundation: Foundation[Settings]) -> AsyncIterator[Services]:
    """Open what this service needs beside its foundation, and close it in reverse."""
    settings = foundation.settings
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME))
        desk = PaymentDesk(foundation.db, foundation.clock, {"vnpay": vnpay_of(settings)}, limits_of(settings))
        yield Services(settings, foundation.clock, foundation.db, verifier, desk)


def vnpay_of(settings: Settings) -> Vnpay:
    """Give the merchant's side of VNPay that the settings make."""
    return Vnpay(
        tmn_code=settings.vnpay_tmn_code,
        hash_secret=settings.vnpay_hash_secret.get_secret_value(),
        pay_url=settings.vnpay_pay_url,
        return_url=settings.vnpay_return_url,
        order_type=settings.vnpay_order_type,
    )


def limits_of(settings: Settings) -> Limits:
    """Give the limits of a payment that the settings make."""
    return Limits(
        amount_min_vnd=settings.payment_amount_min_vnd,
        amount_max_vnd=settings.payment_amount_max_vnd,
        lifetime=timedelta(seconds=settings.payment_lifetime_s),
    )
