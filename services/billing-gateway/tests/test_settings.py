"""Wrong settings are named with the reason, and without their values."""

from typing import Any

import pytest

from billing_gateway.settings import ApiSettings, WorkerSettings
from gridcare.errors import SettingsError
from gridcare.process.settings import load

GOOD = {
    "DATABASE_URL": "postgresql://billing_gateway@127.0.0.1:5432/billing_gateway",
    "OIDC_ISSUER": "http://127.0.0.1:8000",
    "VNPAY_TMN_CODE": "CTTVNP01",
    "VNPAY_HASH_SECRET": "TESTSECRET",
    "VNPAY_PAY_URL": "https://pay.example/vpcpay.html",
    "VNPAY_RETURN_URL": "https://app.example/back",
    "VNPAY_QUERY_URL": "https://pay.example/api/transaction",
    "VNPAY_SERVER_IP": "203.0.113.9",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets the variables of a good environment, with changes."""

    def put(**changed: str) -> None:
        for name, value in {**GOOD, **changed}.items():
            monkeypatch.setenv(f"GRIDCARE_{name}", value)

    return put


def test_the_secret_stays_hidden(environment: Any) -> None:
    """A good environment is read, and the repr of the settings does not hold the secret."""
    environment()
    assert "TESTSECRET" not in repr(load(ApiSettings))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VNPAY_TMN_CODE", "too-long-code"),
        ("VNPAY_HASH_SECRET", "short7!"),
        ("VNPAY_PAY_URL", "pay.example"),
        ("VNPAY_PAY_URL", "http://pay.example/vpcpay.html"),
        ("VNPAY_RETURN_URL", ""),
        ("VNPAY_RETURN_URL", "http://app.example/back"),
        ("VNPAY_QUERY_URL", "http://pay.example/api"),
        ("VNPAY_SERVER_IP", "127.0.0.1"),
        ("VNPAY_SERVER_IP", "::1"),
        ("PAYMENT_LIFETIME_S", "0.125"),
        ("VNPAY_ACCEPTANCE_ANSWERS", "sometimes"),
        ("PAYMENT_AMOUNT_MAX_VND", "4321"),
    ],
)
def test_wrong_variables_are_named(environment: Any, name: str, value: str) -> None:
    """The process refuses to start, and says which variable is wrong but not its value."""
    environment(**{name: value})
    with pytest.raises(SettingsError) as raised:
        load(ApiSettings)
        load(WorkerSettings)
    assert f"GRIDCARE_{name}" in str(raised.value)
    assert not value or value not in str(raised.value)


def test_acceptance_answers_start_off(environment: Any) -> None:
    """VNPay's acceptance test has to be switched on by name."""
    environment()
    assert not load(ApiSettings).vnpay_acceptance_answers
    environment(VNPAY_ACCEPTANCE_ANSWERS="true")
    assert load(ApiSettings).vnpay_acceptance_answers
