"""The composition root: turns a process's foundation into the rooms of the service."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from billing_gateway import NAME
from billing_gateway.bills.room import Bills
from billing_gateway.callbacks.room import Callbacks
from billing_gateway.payments.core import Limits
from billing_gateway.payments.room import Expiry, Payments
from billing_gateway.providers.vnpay.merchant import Vnpay
from billing_gateway.settings import ApiSettings, ConsumerSettings, PaymentSettings, VnpaySettings, WorkerSettings
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.postgres.poison.guard import Guard
from gridcare.postgres.token_buckets import Buckets
from gridcare.process.service import Foundation


@dataclass(frozen=True, slots=True)
class ApiRooms:
    """The rooms behind the api's doors, and what checks the callers there: their tokens, and how often they come."""

    verifier: TokenVerifier
    buckets: Buckets
    bills: Bills
    callbacks: Callbacks
    payments: Payments


@dataclass(frozen=True, slots=True)
class WorkerRooms:
    """The rooms that the worker's loops go through."""

    callbacks: Callbacks
    expiry: Expiry


@asynccontextmanager
async def serving(foundation: Foundation[ApiSettings]) -> AsyncIterator[ApiRooms]:
    """Open the api's rooms on its foundation; close what they hold, in reverse, at the end of the block."""
    db, clock, settings = foundation.db, foundation.clock, foundation.settings
    vnpay, guard = vnpay_of(settings), Guard(db)
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(
            TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME, ca_file=settings.oidc_ca_file)
        )
        yield ApiRooms(
            verifier=verifier,
            buckets=Buckets(db, {"payments": settings.payments_per_hour_max}),
            bills=Bills(db, clock),
            callbacks=Callbacks(db, clock, guard, {"vnpay": vnpay}),
            payments=Payments(db, clock, {"vnpay": vnpay}, limits_of(settings)),
        )


@asynccontextmanager
async def working(foundation: Foundation[WorkerSettings]) -> AsyncIterator[WorkerRooms]:
    """Open the worker's rooms on its foundation."""
    db, clock, guard = foundation.db, foundation.clock, Guard(foundation.db)
    yield WorkerRooms(
        callbacks=Callbacks(db, clock, guard, {"vnpay": vnpay_of(foundation.settings)}),
        expiry=Expiry(db, clock, guard),
    )


def bills_of(foundation: Foundation[ConsumerSettings]) -> Bills:
    """Return the room of bills, where a consumer notes whose customer is whose."""
    return Bills(foundation.db, foundation.clock)


def vnpay_of(settings: VnpaySettings) -> Vnpay:
    """Return VNPay's merchant that the settings describe."""
    return Vnpay(
        tmn_code=settings.vnpay_tmn_code,
        hash_secret=settings.vnpay_hash_secret.get_secret_value(),
        pay_url=settings.vnpay_pay_url,
        return_url=settings.vnpay_return_url,
        order_type=settings.vnpay_order_type,
        acceptance_answers=settings.vnpay_acceptance_answers,
    )


def limits_of(settings: PaymentSettings) -> Limits:
    """Return the limits of a payment that the settings state."""
    return Limits(
        amount_min_vnd=settings.payment_amount_min_vnd,
        amount_max_vnd=settings.payment_amount_max_vnd,
        lifetime=timedelta(seconds=settings.payment_lifetime_s),
    )
