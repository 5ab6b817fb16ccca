"""The composition root: turns a process's foundation into the rooms of the service."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from gridcare.events.topics import CHANNELS
from gridcare.http.tokens.verifier import TokenVerifier
from gridcare.postgres.database import Database
from gridcare.postgres.poison.guard import Guard
from gridcare.postgres.token_buckets import Buckets
from gridcare.process.foundation import Foundation
from gridcare.process.settings import DatabaseSettings
from gridcare.values.clock import SystemClock
from outage_notifier import NAME
from outage_notifier.contacts.core.sealed_column import SEALED_COLUMNS
from outage_notifier.contacts.room import Aside, Contacts, PhoneHistory, Recorded, Resealing
from outage_notifier.contacts.vault import Vault
from outage_notifier.inbox.room import Inbox
from outage_notifier.ledger.room import Keeping, Ledger
from outage_notifier.outages.room import Outages
from outage_notifier.planning.room import Planning
from outage_notifier.providers.fcm.sender import FcmPushSender
from outage_notifier.providers.twilio.callback import TwilioCallbacks
from outage_notifier.providers.twilio.sender import TwilioSmsSender, callback_address
from outage_notifier.receipts.core.sealed_body import SEALED_BODY
from outage_notifier.receipts.room import Callbacks, LookUps, Marks
from outage_notifier.sending.breaker import Breaker
from outage_notifier.sending.rate import Rate
from outage_notifier.sending.render import MessageRenderer
from outage_notifier.sending.room import Sending, SendLimits, Waiting
from outage_notifier.settings import (
    ApiSettings,
    ConsumerSettings,
    PlannerSettings,
    ResealSettings,
    RetentionSettings,
    SealingSettings,
    SenderSettings,
    TextingSettings,
    TwilioSettings,
    WorkerSettings,
)
from outage_notifier.texts.kept import KeptTexts
from outage_notifier.texts.languages import read_texts
from outage_notifier.texts.rendering import Catalog


@dataclass(frozen=True, slots=True)
class ApiRooms:
    """The rooms behind the api's doors, and what checks the callers there: their tokens, and how often they come."""

    verifier: TokenVerifier
    buckets: Buckets
    callbacks: Callbacks
    contacts: Contacts
    inbox: Inbox
    ledger: Ledger
    marks: Marks
    outages: Outages


@dataclass(frozen=True, slots=True)
class WorkerRooms:
    """The rooms that the worker's loops go through."""

    callbacks: Callbacks
    keeping: Keeping
    ledger: Ledger
    look_ups: LookUps
    marks: Marks
    phone_history: PhoneHistory
    planning: Planning
    waiting: Waiting


@asynccontextmanager
async def serving(foundation: Foundation[ApiSettings]) -> AsyncIterator[ApiRooms]:
    """Open the api's rooms on its foundation; close what they hold, in reverse, at the end of the block."""
    db, clock, settings = foundation.db, foundation.clock, foundation.settings
    vault, catalog, guard = vault_of(settings), _catalog(settings), Guard(db)
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(
            TokenVerifier.open(issuer=settings.oidc_issuer, audience=NAME, ca_file=settings.oidc_ca_file)
        )
        yield ApiRooms(
            verifier=verifier,
            buckets=Buckets(
                db,
                {
                    "devices": settings.devices_per_hour_max,
                    "marks": settings.marks_per_hour_max,
                    "phones": settings.phones_per_hour_max,
                },
            ),
            callbacks=Callbacks(db, clock, guard, vault, twilio_of(settings, settings.twilio_other_auth_token)),
            contacts=Contacts(db, clock, vault, settings.new_phones_per_year_max),
            inbox=Inbox(db, clock, KeptTexts(catalog), settings.app_link_base),
            ledger=Ledger(db, clock, guard),
            marks=Marks(db, clock, guard),
            outages=Outages(db, clock, settings.rules(), catalog, settings.sms_price_vnd),
        )


@asynccontextmanager
async def working(foundation: Foundation[WorkerSettings]) -> AsyncIterator[WorkerRooms]:
    """Open the worker's rooms on its foundation, and the SMS provider's client, which asks what became of a message."""
    db, clock, settings = foundation.db, foundation.clock, foundation.settings
    vault, guard = vault_of(settings), Guard(db)
    async with texting(settings) as sms:
        yield WorkerRooms(
            callbacks=Callbacks(db, clock, guard, vault, twilio_of(settings)),
            keeping=Keeping(db, clock, settings.deliveries_kept_months),
            ledger=Ledger(db, clock, guard),
            look_ups=LookUps(db, clock, guard, vault, sms, between_looks=settings.between_looks()),
            marks=Marks(db, clock, guard),
            phone_history=PhoneHistory(db, clock, settings.phone_changes_kept_months),
            planning=planning_of(foundation),
            waiting=Waiting(db, clock, guard, settings.first_look()),
        )


def planning_of(
    foundation: Foundation[ConsumerSettings] | Foundation[PlannerSettings] | Foundation[WorkerSettings],
) -> Planning:
    """Return the room of planning: a consumer adds notices to it, a planner plans them, a worker looks after their batches."""
    db, settings = foundation.db, foundation.settings
    return Planning(
        *(db, foundation.clock, Guard(db)), lease_s=settings.planner_lease_s, hint_silent_s=settings.hint_silent_s
    )


@asynccontextmanager
async def sending(foundation: Foundation[SenderSettings]) -> AsyncIterator[Sending]:
    """Open both providers' clients, for a sender."""
    settings = foundation.settings
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
            db=foundation.db,
            clock=foundation.clock,
            guard=Guard(foundation.db),
            push=push,
            sms=sms,
            renderer=MessageRenderer(KeptTexts(_catalog(settings)), settings.app_link_base),
            vault=vault_of(settings),
            rates={
                "push": _rate(settings, "fcm", settings.push_rate_per_s),
                "sms": _rate(settings, f"twilio:{settings.twilio_account_sid}", settings.sms_rate_per_s),
            },
            quiet_hours=settings.quiet(),
            limits=limits_of(settings),
            breakers={channel: Breaker(channel, settings.breaker_pause_s) for channel in CHANNELS},
        )


@asynccontextmanager
async def resealing(settings: ResealSettings) -> AsyncIterator[Resealing]:
    """Open the database for the command that seals everything with the newest key."""
    async with _database(settings, "reseal-contacts") as db:
        yield Resealing(db, vault_of(settings), columns=(*SEALED_COLUMNS, SEALED_BODY))


@asynccontextmanager
async def devices_aside(settings: DatabaseSettings) -> AsyncIterator[Aside]:
    """Open the database for the command that lists the devices that are put aside."""
    async with _database(settings, "devices-aside") as db:
        yield Aside(db)


@asynccontextmanager
async def recorded_imports(settings: DatabaseSettings) -> AsyncIterator[Recorded]:
    """Open the database for the command that lists who imported what."""
    async with _database(settings, "imports") as db:
        yield Recorded(db)


@asynccontextmanager
async def retaining(settings: RetentionSettings) -> AsyncIterator[tuple[Keeping, Marks, PhoneHistory]]:
    """Open the database for the command that does at once what workers do each hour."""
    async with _database(settings, "retention") as db:
        clock = SystemClock(settings.clock_offset_s)
        keeping = Keeping(db, clock, settings.deliveries_kept_months)
        yield keeping, Marks(db, clock, Guard(db)), PhoneHistory(db, clock, settings.phone_changes_kept_months)


def _database(settings: DatabaseSettings, command: str) -> AbstractAsyncContextManager[Database]:
    return Database.open(settings.database_url.get_secret_value(), application_name=f"{NAME} {command}", pool_size=2)


def texting(settings: TextingSettings) -> AbstractAsyncContextManager[TwilioSmsSender]:
    """Return the SMS provider's client, to be opened. Senders send by it; workers ask it what became of a message."""
    return TwilioSmsSender.open(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        sender=settings.twilio_sender,
        public_url=settings.public_url,
        api_url=settings.twilio_api_url,
        deadline_s=settings.call_timeout_s,
    )


def vault_of(settings: SealingSettings) -> Vault:
    """Return the vault that the settings describe."""
    return Vault.of_settings(
        settings.contact_keys.get_secret_value(),
        settings.contact_index_key.get_secret_value(),
        bound=settings.contacts_bound,
    )


def twilio_of(settings: TwilioSettings, other_token: SecretStr | None = None) -> TwilioCallbacks:
    """Return the reader of Twilio's callbacks that the settings describe, which may be signed with another token too."""
    tokens = [settings.twilio_auth_token, other_token]
    return TwilioCallbacks(
        address=callback_address(settings.public_url),
        auth_tokens=tuple(token.get_secret_value() for token in tokens if token is not None),
    )


def limits_of(settings: SenderSettings) -> SendLimits:
    """Return the sender's limits that the settings state."""
    return SendLimits(
        lease_s=settings.lease_s,
        call_timeout_s=settings.call_timeout_s,
        push_concurrency=max(1, settings.push_concurrency // settings.push_batches_at_once),
        sms_chunk_size=settings.sms_chunk_size,
        batches_at_once={"push": settings.push_batches_at_once, "sms": settings.sms_batches_at_once},
        first_look=settings.first_look(),
    )


def _catalog(settings: TwilioSettings) -> Catalog:
    return Catalog(read_texts(), sender=settings.twilio_sender)


def _rate(settings: SenderSettings, account: str, rate_per_s: int) -> Rate:
    kept = int(rate_per_s * settings.reserved_share)
    return Rate(account, rate_per_s, {"urgent": kept, "transactional": kept})
