"""Settings of billing-gateway: GRIDCARE_… variables, beside those that every service has."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from gridcare.settings import HttpUrl, ServiceSettings


class Settings(ServiceSettings):
    """What ops may set for billing-gateway."""

    vnpay_tmn_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{8}$")]
    """Names the merchant's terminal; VNPay issues it with the secret."""
    vnpay_hash_secret: Annotated[SecretStr, Field(min_length=8, max_length=256)]
    vnpay_pay_url: HttpUrl
    vnpay_return_url: HttpUrl
    """Where the payer's browser comes back to; it only shows, and changes nothing."""
    vnpay_order_type: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,100}$")] = "billpayment"
    payment_lifetime_s: float = Field(default=15 * 60, ge=60, le=24 * 3600)
    """How long the payer may take; VNPay closes its page then."""
    payment_amount_min_vnd: int = Field(default=5_000, ge=1)
    payment_amount_max_vnd: int = Field(default=999_999_999, ge=1)
    """What the provider takes in one payment (VNPay's contract; larger bills are paid through a bank)."""

    @model_validator(mode="after")
    def _amounts_in_order(self) -> Self:
        if self.payment_amount_min_vnd > self.payment_amount_max_vnd:
            raise ValueError("GRIDCARE_PAYMENT_AMOUNT_MIN_VND is above GRIDCARE_PAYMENT_AMOUNT_MAX_VND")
        return self
