"""The composition root: turns a process's foundation into the rooms of the service."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from billing_gateway import NAME
from billing_gateway.bills.room import Bills
from billing_gateway.callbacks.room import Callbacks, Inquiries
from billing_gateway.payments.core import Asking, Limits
from billing_gateway.payments.room import Payments
from billing_gateway.providers.vnpay.inquiries import VnpayInquiries
from billing_gateway.providers.vnpay.merchant import Vnpay
from billing_gateway.providers.vnpay.terminal import Terminal
from billing_gateway.settings import (
    ApiSettings,
    AskSettings,
    ConsumerSettings,
    InquirySettings,
    PaymentSettings,
    VnpaySettings,
    WorkerSettings,
)
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.postgres.database import Database
from gridcare.postgres.poison.guard import Guard
from gridcare.postgres.token_buckets import Buckets
from gridcare.process.foundation import Foundation
from gridcare.values.clock import Clock, SystemClock


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

    inquiries: Inquiries


@asynccontextmanager
async def serving(foundation: Foundation[ApiSettings]) -> AsyncIterator[ApiRooms]:
    """Open the api's rooms on its foundation; close what they hold, in reverse, at the end of the block."""
    db, clock, settings = foundation.db, foundation.clock, foundation.settings
    vnpay = vnpay_of(settings)
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(
            TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME, ca_file=settings.oidc_ca_file)
        )
        yield ApiRooms(
            verifier=verifier,
            buckets=Buckets(db, {"payments": settings.payments_per_hour_max}),
            bills=Bills(db, clock),
            callbacks=Callbacks(db, clock, Guard(db), {"vnpay": vnpay}),
            payments=Payments(db, clock, {"vnpay": vnpay}, limits_of(settings)),
        )


@asynccontextmanager
async def working(foundation: Foundation[WorkerSettings]) -> AsyncIterator[WorkerRooms]:
    """Open the worker's rooms on its foundation."""
    async with inquiring(foundation.settings, foundation.db, foundation.clock) as inquiries:
        yield WorkerRooms(inquiries)


@asynccontextmanager
async def asking(settings: AskSettings) -> AsyncIterator[Inquiries]:
    """Open the database and the room for the command that asks about one payment."""
    url = settings.database_url.get_secret_value()
    async with (
        Database.open(url, application_name=f"{NAME} ask", pool_size=2) as db,
        inquiring(settings, db, SystemClock(settings.clock_offset_s)) as inquiries,
    ):
        yield inquiries


@asynccontextmanager
async def inquiring(settings: InquirySettings, db: Database, clock: Clock) -> AsyncIterator[Inquiries]:
    """Open the room of what providers report, unasked or asked."""
    async with VnpayInquiries.open(
        url=settings.vnpay_query_url,
        terminal=terminal_of(settings),
        server_ip=str(settings.vnpay_server_ip),
        ca_file=str(settings.vnpay_ca_file) if settings.vnpay_ca_file else None,
    ) as vnpay:
        yield Inquiries(db, clock, Guard(db), {"vnpay": vnpay_of(settings)}, {"vnpay": vnpay}, asking_of(settings))


def bills_of(foundation: Foundation[ConsumerSettings]) -> Bills:
    """Return the room of bills, where a consumer notes whose customer is whose."""
    return Bills(foundation.db, foundation.clock)


def terminal_of(settings: VnpaySettings) -> Terminal:
    """Return the terminal at VNPay that the settings name."""
    return Terminal(settings.vnpay_tmn_code, settings.vnpay_hash_secret.get_secret_value())


def vnpay_of(settings: VnpaySettings) -> Vnpay:
    """Return VNPay's merchant that the settings describe."""
    return Vnpay(
        terminal=terminal_of(settings),
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


def asking_of(settings: InquirySettings) -> Asking:
    """Return how providers are asked, as the settings state."""
    return Asking(
        pause=timedelta(seconds=settings.payment_query_pause_s),
        patience=timedelta(hours=settings.payment_query_hours_max),
        per_minute_max=settings.vnpay_queries_per_minute_max,
    )
