"""The composition root: what a process's foundation is made into."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from gridcare.http.auth import TokenVerifier
from gridcare.postgres.database import Database
from gridcare.process.service import Foundation
from gridcare.values.clock import Clock
from outage_notifier import NAME
from outage_notifier.contacts.vault import Vault
from outage_notifier.outages.core.rules import OutageRules
from outage_notifier.outages.flow.outage_desk import OutageDesk
from outage_notifier.planning.flow.plan_notice import Planner
from outage_notifier.providers.fcm.sender import FcmPushSender
from outage_notifier.providers.twilio.sender import TwilioSmsSender
from outage_notifier.sending.flow.take_rate import RateGrants
from outage_notifier.sending.render import MessageRenderer
from outage_notifier.sending.room import Breaker, Sending, SendLimits
from outage_notifier.settings import Settings
from outage_notifier.texts.languages import read_texts
from outage_notifier.texts.rendering import Catalog


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a flow needs."""

    settings: Settings
    clock: Clock
    db: Database
    verifier: TokenVerifier
    vault: Vault
    renderer: MessageRenderer
    planner: Planner
    desk: OutageDesk


@asynccontextmanager
async def wired(foundation: Foundation[Settings]) -> AsyncIterator[Services]:
    """Open what this service needs beside its foundation, and close it in reverse."""
    settings = foundation.settings
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME))
        catalog = Catalog(read_texts(), sender=settings.twilio_sender)
        yield Services(
            settings,
            foundation.clock,
            foundation.db,
            verifier,
            vault_of(settings),
            MessageRenderer(catalog),
            Planner(foundation.db, foundation.clock, settings.planner_lease_s),
            OutageDesk(foundation.db, foundation.clock, rules_of(settings), catalog, settings.sms_price_vnd),
        )


@asynccontextmanager
async def texting(settings: Settings) -> AsyncIterator[TwilioSmsSender]:
    """Open the SMS provider's client: senders send by it, workers ask it what became of a message."""
    async with TwilioSmsSender.open(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        sender=settings.twilio_sender,
        public_url=settings.public_url,
        api_url=settings.twilio_api_url,
        deadline_s=settings.call_timeout_s,
    ) as sms:
        yield sms


@asynccontextmanager
async def sending(services: Services) -> AsyncIterator[Sending]:
    """Open both providers' clients, for a sender."""
    settings = services.settings
    async with (
        texting(settings) as sms,
        FcmPushSender.open(
            credentials_file=str(settings.fcm_credentials_file),
            api_url=settings.fcm_api_url,
            ca_file=str(settings.fcm_ca_file) if settings.fcm_ca_file else None,
            connections=settings.push_connections,
            deadline_s=settings.call_timeout_s,
        ) as push,
    ):
        yield Sending(
            db=services.db,
            clock=services.clock,
            push=push,
            sms=sms,
            renderer=services.renderer,
            vault=services.vault,
            rates={
                "push": _rates(services, "fcm", settings.push_rate_per_s),
                "sms": _rates(services, f"twilio:{settings.twilio_account_sid}", settings.sms_rate_per_s),
            },
            quiet_hours=settings.quiet(),
            limits=limits_of(settings),
            breakers={channel: Breaker(channel, settings.breaker_pause_s) for channel in ("push", "sms")},
        )


def vault_of(settings: Settings) -> Vault:
    """Make the vault that the settings describe."""
    return Vault.of_settings(settings.contact_keys.get_secret_value(), settings.contact_index_key.get_secret_value())


def rules_of(settings: Settings) -> OutageRules:
    """Give the rules of outages that the settings make."""
    return OutageRules(
        windows_max=settings.outage_windows_max,
        window_max=timedelta(hours=settings.outage_window_max_h),
        ahead_max=timedelta(days=settings.outage_ahead_max_d),
        statutory_notice=timedelta(hours=settings.statutory_notice_h),
        statutory_basis=settings.statutory_basis,
    )


def limits_of(settings: Settings) -> SendLimits:
    """Give the sender's limits that the settings make."""
    return SendLimits(
        lease_s=settings.lease_s,
        call_timeout_s=settings.call_timeout_s,
        push_concurrency=max(1, settings.push_concurrency // settings.push_batches_at_once),
        sms_chunk_size=settings.sms_chunk_size,
        first_look=timedelta(seconds=settings.unknown_first_look_after_s),
    )


def _rates(services: Services, account: str, rate_per_s: int) -> RateGrants:
    kept = int(rate_per_s * services.settings.reserved_share)
    return RateGrants(services.db, account, rate_per_s, {"urgent": kept, "transactional": kept})
