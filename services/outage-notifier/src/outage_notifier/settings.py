"""Settings of outage-notifier: GRIDCARE_… variables. The parts come first, then what each process and command reads."""

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from gridcare.process.settings import (
    DatabaseSettings,
    DirectSettings,
    EmulatedUrl,
    HttpSettings,
    SafeUrl,
    Settings,
    TopicsSettings,
)
from outage_notifier.contacts.vault import index_key_of, keys_of
from outage_notifier.outages.core.rules import OutageRules
from outage_notifier.providers.fcm.sender import API_URL as FCM_API_URL
from outage_notifier.providers.twilio.sender import API_URL as TWILIO_API_URL
from outage_notifier.sending.core.quiet_hours import QuietHours


def _hours(text: str) -> str:
    start, _, end = text.partition("-")
    try:
        time.fromisoformat(start)
        time.fromisoformat(end)
    except ValueError:  # it quotes the text
        raise ValueError("must be two times such as 21:00-07:00") from None
    return text


def _keys(secret: SecretStr) -> SecretStr:
    keys_of(secret.get_secret_value())
    return secret


def _index_key(secret: SecretStr) -> SecretStr:
    index_key_of(secret.get_secret_value())
    return secret


class SealingSettings(Settings):
    """The part of processes that seal contacts or open them."""

    contact_keys: Annotated[SecretStr, AfterValidator(_keys)]
    """`id:base64 of 32 bytes`, comma-separated. The first key seals, every key opens."""
    contact_index_key: Annotated[SecretStr, AfterValidator(_index_key)]
    """base64 of 32 bytes. It never changes: with another key no known phone or device would be recognised."""
    contacts_bound: bool = False
    """Bind what is sealed to its row. Earlier releases cannot open that: on only when none runs any more (docs/adr/0003)."""


class TwilioSettings(Settings):
    """The part of processes that call Twilio, or that Twilio calls back."""

    twilio_auth_token: SecretStr
    twilio_sender: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ]{3,11}$|^\+\d{6,15}$")]
    """The sender id that Vietnam's carriers registered for the distributor; Twilio allows at most 11 characters."""
    public_url: EmulatedUrl
    """The base of this service's addresses as providers see them: Twilio signs the whole address that it calls."""


class TextingSettings(TwilioSettings):
    """The part of processes that call Twilio: a sender sends, and a worker asks what became of a message."""

    twilio_account_sid: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-f]{32}$")]
    twilio_api_url: EmulatedUrl = TWILIO_API_URL
    call_timeout_s: float = Field(default=10, ge=0.5, le=120)
    unknown_first_look_after_s: float = Field(default=90, ge=0)
    """When Twilio is asked about an SMS whose call ended unknown, counted from the call."""

    def first_look(self) -> timedelta:
        """Return how long after the call Twilio is asked."""
        return timedelta(seconds=self.unknown_first_look_after_s)


class AppSettings(Settings):
    """The part of processes that make links into the app, in pushes and in the inbox."""

    app_link_base: Annotated[
        str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*://([A-Za-z0-9._-]+/)*$", max_length=128)
    ] = "gridcare://"
    """What a link begins with, as the app registers it: its own scheme, or `https://<host>/`. `tickets/<id>` follows."""


class PlanningSettings(Settings):
    """The part of processes that plan notices."""

    planner_lease_s: float = Field(default=30, ge=1, le=600)
    hint_silent_s: float = Field(default=60, ge=0.5, le=3600)
    """How long a batch that nobody holds waits until it is hinted at again. The pause doubles, up to an hour."""


class KeepingSettings(Settings):
    """The part of processes that delete old rows."""

    deliveries_kept_months: int = Field(default=15, ge=3, le=120)
    """Deliveries, batches, attempts and notices are dropped this many whole months after their own month, unless a notice of
    that time is still open. The default covers a complaint about last year's cut."""
    phone_changes_kept_months: int = Field(default=24, ge=12, le=120)
    """Who changed which phone is deleted this many months later. The default is longer than any delivery is kept by default: who
    complains of one is told whose number it went to. The database itself keeps the last year."""


class OutageSettings(Settings):
    """The part of the process that accepts outages."""

    statutory_notice_h: float = Field(default=120, ge=0, le=24 * 60)
    """How long before its start a planned cut must be announced, unless it says why not; five days by the law below."""
    statutory_basis: str = "Luật Điện lực 61/2024/QH15, Thông tư 04/2025/TT-BCT"
    """Shown with every refusal and preview; the legal department confirms it."""
    outage_window_max_h: float = Field(default=72, gt=0, le=24 * 60)
    outage_windows_max: int = Field(default=20, ge=1, le=100)
    outage_ahead_max_d: int = Field(default=400, ge=1, le=3650)
    sms_price_vnd: int = Field(default=800, ge=0, le=1_000_000)
    """Of one segment, for previews. The default is an example: the contract with the provider states the price."""

    def rules(self) -> OutageRules:
        """Return the rules of outages as a value."""
        return OutageRules(
            windows_max=self.outage_windows_max,
            window_max=timedelta(hours=self.outage_window_max_h),
            ahead_max=timedelta(days=self.outage_ahead_max_d),
            statutory_notice=timedelta(hours=self.statutory_notice_h),
            statutory_basis=self.statutory_basis,
        )


class PushingSettings(Settings):
    """The part of the process that calls FCM."""

    fcm_credentials_file: Path
    fcm_api_url: SafeUrl = FCM_API_URL
    fcm_ca_file: Path | None = None
    push_connections: int = Field(default=12, ge=1, le=64)
    """Each is one HTTP/2 connection of 100 streams: twelve keep 10,000 a second in flight at 100 ms a call."""


class ApiSettings(HttpSettings, SealingSettings, TwilioSettings, AppSettings, OutageSettings):
    """What `api` reads."""

    twilio_other_auth_token: SecretStr | None = None
    """The token that replaces it, or the one that it replaced, while they are rotated: callbacks may be signed with either."""
    devices_per_hour_max: int = Field(default=60, ge=1, le=1_000_000)
    marks_per_hour_max: int = Field(default=3_600, ge=1, le=1_000_000)
    """The app marks each push once, and again when it is not sure."""
    phones_per_hour_max: int = Field(default=120, ge=1, le=1_000_000)
    """Changes of phones, of a customer or of one of the staff, who may make two a minute."""
    new_phones_per_year_max: int = Field(default=30, ge=1, le=100_000)
    """How many numbers a customer may type in the app in a year; each stays known. Those that the distributor brings do not
    count."""


class ConsumerSettings(TopicsSettings, PlanningSettings):
    """What `consumer` reads."""


class PlannerSettings(DirectSettings, PlanningSettings):
    """What `planner` reads."""


class SenderSettings(TopicsSettings, SealingSettings, TextingSettings, PushingSettings, AppSettings):
    """What `sender` reads."""

    quiet_hours: Annotated[str, AfterValidator(_hours)] = "21:00-07:00"
    """Vietnam's time; bulk messages wait until they end. This is good practice rather than law: service notices are not the
    advertising that Decree 91/2020/ND-CP restricts."""
    lease_s: float = Field(default=30, ge=2, le=600)
    """How long a sender holds a batch without renewing."""
    push_concurrency: int = Field(default=1_200, ge=1, le=10_000)
    """Calls in flight in a lane, divided among its batches; more calls than streams would only wait for a stream."""
    push_batches_at_once: int = Field(default=4, ge=1, le=64)
    sms_batches_at_once: int = Field(default=2, ge=1, le=64)
    sms_chunk_size: int = Field(default=50, ge=1, le=500)
    """How many SMS have their attempts committed together, before they are sent."""
    push_rate_per_s: int = Field(default=10_000, ge=1, le=1_000_000)
    """FCM grants a project 600,000 messages a minute."""
    sms_rate_per_s: int = Field(default=100, ge=1, le=100_000)
    reserved_share: float = Field(default=0.2, ge=0, le=0.4)
    """The share of each rate that is kept for the urgent lane; as much again is kept for the transactional one."""
    breaker_pause_s: float = Field(default=60, ge=0, le=3600)
    """How long a stopped channel is left alone before each probe."""

    @model_validator(mode="after")
    def _calls_end_within_leases(self) -> Self:
        if self.call_timeout_s >= self.lease_s:
            raise ValueError(
                "GRIDCARE_CALL_TIMEOUT_S must be less than GRIDCARE_LEASE_S: no call may end after its lease"
            )
        return self

    def quiet(self) -> QuietHours:
        """Return the quiet hours as a value."""
        start, _, end = self.quiet_hours.partition("-")
        return QuietHours(time.fromisoformat(start), time.fromisoformat(end))


class WorkerSettings(DirectSettings, SealingSettings, TextingSettings, PlanningSettings, KeepingSettings):
    """What `worker` reads."""

    unknown_second_look_after_s: float = Field(default=180, ge=0)
    """When Twilio is asked again about an SMS that it did not know at the first look, counted from the call too."""

    def between_looks(self) -> timedelta:
        """Return how long after the first look Twilio is asked again; it is never negative."""
        return max(timedelta(seconds=self.unknown_second_look_after_s) - self.first_look(), timedelta(0))


class ResealSettings(DatabaseSettings, SealingSettings):
    """What the command `reseal-contacts` reads."""


class RetentionSettings(DatabaseSettings, KeepingSettings):
    """What the command `retention` reads."""
