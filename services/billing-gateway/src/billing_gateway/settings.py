"""Settings of billing-gateway: GRIDCARE_… variables. The parts come first, then what each process reads."""

from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    IPvAnyAddress,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gridcare.process.settings import (
    DatabaseSettings,
    HttpSettings,
    ProcessSettings,
    SafeUrl,
    Settings,
    TopicsSettings,
)
from gridcare.values.addresses import THIS_MACHINE


class VnpaySettings(Settings):
    """The part of processes that speak with VNPay, or read what it said."""

    vnpay_tmn_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{8}$")]
    """The merchant's terminal; VNPay issues it together with the secret."""
    vnpay_hash_secret: Annotated[SecretStr, Field(min_length=8, max_length=256)]
    vnpay_pay_url: SafeUrl
    vnpay_return_url: SafeUrl
    """Where the payer's browser returns to; that page shows the result and changes nothing."""
    vnpay_order_type: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,100}$")] = "billpayment"
    vnpay_acceptance_answers: bool = False
    """On only while VNPay runs its acceptance test: money for an unknown order is then answered 01, of a wrong amount 04 and for
    an order that has its result 02. Off, it is answered 00, since it is in suspense. It is stored and booked alike."""


class InquirySettings(VnpaySettings):
    """The part of processes that ask VNPay about payments."""

    vnpay_query_url: SafeUrl
    """VNPay's merchant web API, which is asked (`querydr`) about payments whose callback did not come."""
    vnpay_ca_file: Path | None = None
    """PEM certificates that are trusted there beside the system's, for an emulator."""
    vnpay_server_ip: IPvAnyAddress = IPv4Address("127.0.0.1")
    """The address that our questions come from, as VNPay is told; it has to be set for any VNPay that is not on this machine."""
    vnpay_queries_per_minute_max: int = Field(default=60, ge=1, le=6_000)
    """Of all workers together."""
    payment_query_pause_s: float = Field(default=360, ge=20, le=3600)
    """Until VNPay is asked again about a payment, doubled each time up to an hour. It refuses to be asked twice within five
    minutes (94), and no call may last as long as this."""
    payment_query_hours_max: float = Field(default=24, ge=0, le=24 * 14)
    """How long after its time a payment waits for a definite answer; then it expires without one, and ops is told."""

    @model_validator(mode="after")
    def _says_where_it_is(self) -> Self:
        if self.vnpay_server_ip.is_loopback and urlsplit(self.vnpay_query_url).hostname not in THIS_MACHINE:
            raise ValueError(
                "GRIDCARE_VNPAY_SERVER_IP: must be the address that VNPay sees, since it is not on this machine"
            )
        return self


class PaymentSettings(Settings):
    """The part of the process that begins payments."""

    payment_lifetime_s: float = Field(default=15 * 60, ge=60, le=24 * 3600)
    """How long the payer may take; VNPay closes its page after that."""
    payments_per_hour_max: int = Field(default=60, ge=1, le=1_000_000)
    """Of one caller; a cashier begins one a minute."""
    payment_amount_min_vnd: int = Field(default=5_000, ge=1)
    payment_amount_max_vnd: int = Field(default=999_999_999, ge=1, validate_default=True)
    """The most that the provider takes in one payment, by VNPay's contract; larger bills are paid through a bank."""

    @field_validator("payment_amount_max_vnd")
    @classmethod
    def _amounts_in_order(cls, most: int, others: ValidationInfo) -> int:
        if most < others.data.get("payment_amount_min_vnd", 0):
            raise ValueError("is below GRIDCARE_PAYMENT_AMOUNT_MIN_VND")
        return most


class ApiSettings(HttpSettings, VnpaySettings, PaymentSettings):
    """What `api` reads."""


class ConsumerSettings(TopicsSettings):
    """What `consumer` reads."""


class WorkerSettings(ProcessSettings, InquirySettings):
    """What `worker` reads."""


class AskSettings(DatabaseSettings, InquirySettings):
    """What `ask` reads."""
