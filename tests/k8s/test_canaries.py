"""No settings show a secret, whatever is done with them: canaries in every secret of every process and command."""

import base64
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

import billing_gateway.__main__
import outage_notifier.__main__
import repair_intake.__main__
from gridcare.errors import SettingsError
from gridcare.observability.logging import get_logger
from gridcare.process.settings import PREFIX, Settings, load
from gridcare.testing.logs import captured_logs

CLASSES = {
    f"{each.SERVICE.name} {name}": settings
    for each in (outage_notifier.__main__, repair_intake.__main__, billing_gateway.__main__)
    for name, settings in each.SERVICE.settings().items()
}
CANARY = "geheim-und-kein-anderer-kennt-es"
ENCODED = base64.b64encode(CANARY.encode()).decode()
SHAPES = {
    "database_url": f"postgresql://u:{CANARY}@127.0.0.1/x",
    "database_direct_url": f"postgresql://u:{CANARY}@127.0.0.1/x",
    "database_owner_url": f"postgresql://u:{CANARY}@127.0.0.1/x",
    "contact_keys": f"k1:{ENCODED}",
    "contact_index_key": ENCODED,
}
"""Secrets that have a form."""
PLAIN = {
    "kafka_bootstrap": "127.0.0.1:9092",
    "kafka_username": "somebody",
    "oidc_issuer": "https://issuer.example",
    "public_url": "https://notices.example",
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_sender": "GRIDCARE",
    "fcm_credentials_file": "service-account.json",
    "vnpay_tmn_code": "CTTVNP01",
    "vnpay_pay_url": "https://pay.example/pay",
    "vnpay_return_url": "https://app.example/back",
    "vnpay_query_url": "https://pay.example/query",
    "vnpay_server_ip": "203.0.113.9",
}


def _secrets(settings: type[Settings]) -> list[str]:
    return [name for name, field in settings.model_fields.items() if "SecretStr" in repr(field.annotation)]


@pytest.fixture(params=CLASSES.values(), ids=CLASSES.keys())
def settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Settings]:
    """Return each class in turn, in an environment that it accepts and whose secrets are canaries."""
    chosen: type[Settings] = request.param
    canaries = {name: SHAPES.get(name, CANARY) for name in _secrets(chosen)}
    for name, value in (PLAIN | canaries).items():
        monkeypatch.setenv(PREFIX + name.upper(), value)
    return chosen


def _shown(text: str) -> bool:
    return CANARY in text or ENCODED in text


def test_settings_show_no_secret(settings: type[Settings]):
    """Settings hold the secrets, and neither their text, nor JSON of them, nor a log line with them shows one."""
    read = load(settings)
    values: list[Any] = [getattr(read, name) for name in _secrets(settings)]
    assert all(isinstance(value, SecretStr) and _shown(value.get_secret_value()) for value in values)
    with captured_logs() as logs:
        get_logger().error("refused", settings=read, values=values, exc_info=ValueError(read))
        logging.getLogger("elsewhere").error("refused %s %r", read, values)
    for text in (repr(read), str(read), f"{read.model_dump()}", read.model_dump_json(), logs.text):
        assert not _shown(text)


def test_errors_show_no_secret(settings: type[Settings], monkeypatch: pytest.MonkeyPatch):
    """An error about any setting, of the process that starts or of the class itself, quotes no value of any."""
    for name in settings.model_fields:
        with monkeypatch.context() as wrong:
            wrong.setenv(PREFIX + name.upper(), f"{CANARY}://")
            assert not _shown(_refusal(lambda: load(settings)) + _refusal(settings))


def _refusal(make: Callable[[], object]) -> str:
    """Return all that a refusal could print, its cause and context too; nothing if the value is accepted."""
    try:
        make()
    except (SettingsError, ValidationError) as error:
        return f"{error!r} {error.__context__!r} {''.join(traceback.format_exception(error))}"
    return ""


def test_wrong_forms_are_refused(monkeypatch: pytest.MonkeyPatch):
    """The canary is no form of a database's address, so the errors above are about something."""
    monkeypatch.setenv("GRIDCARE_DATABASE_URL", f"{CANARY}://")
    with pytest.raises(SettingsError, match="GRIDCARE_DATABASE_URL: "):
        load(CLASSES["repair-intake worker"])
