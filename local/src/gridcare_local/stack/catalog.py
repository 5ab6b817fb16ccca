"""The emulators and service processes of a stack, with their commands and settings."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gridcare_local.emulators.vnpay import QUERY_PATH as VNPAY_QUERY_PATH
from gridcare_local.errors import LocalStackError
from gridcare_local.stack.parts import ProcessPart
from gridcare_local.stack.probes import http_probe
from gridcare_local.stack.settings import StackSettings

HOST = "127.0.0.1"
EMULATORS = ("twilio", "fcm", "oidc", "vnpay")
NO_OUTBOX = ("oidc", "vnpay")
"""They send no messages to anyone."""
SERVICES = {
    "outage-notifier": ("api", "consumer", "planner", "sender", "worker", "relay"),
    "repair-intake": ("api", "consumer", "worker", "relay"),
    "billing-gateway": ("api", "consumer", "worker", "relay"),
}
SERVICE_PARTS = tuple(f"{service}-{process}" for service, processes in SERVICES.items() for process in processes)
DATABASES = tuple(service.replace("-", "_") for service in SERVICES)
FCM_CONTROL = "fcm.control"
"""The name of the port where the emulated FCM shows its outbox over plain HTTP; its main port speaks TLS."""

EMULATOR_STOP_GRACE_S = 5.0

USERS = {
    "GRIDCARE_CONTACT_KEYS": {"api", "sender", "worker"},
    "GRIDCARE_CONTACT_INDEX_KEY": {"api", "sender", "worker"},
    "GRIDCARE_TWILIO_ACCOUNT_SID": {"sender", "worker"},
    "GRIDCARE_TWILIO_AUTH_TOKEN": {"api", "sender", "worker"},
    "GRIDCARE_FCM_CREDENTIALS_FILE": {"sender"},
    "GRIDCARE_VNPAY_TMN_CODE": {"api", "worker"},
    "GRIDCARE_VNPAY_HASH_SECRET": {"api", "worker"},
}
"""The processes that are given a secret: those that read it. A test compares them with the services' settings."""


@dataclass(frozen=True)
class Catalog:
    """Makes the parts of a stack from its settings."""

    settings: StackSettings

    def claim_ports(self, names: Iterable[str]) -> None:
        """Claim the ports of the parts that will run, before other parts are configured with their addresses."""
        wanted = [f"{name}.health" for name in names if name in SERVICE_PARTS]
        wanted += [f"{service}-api.http" for service in SERVICES]
        self.settings.claim_missing_ports([*EMULATORS, FCM_CONTROL, *wanted])

    def emulator_url(self, name: str) -> str:
        """Return an emulator's base address."""
        scheme = "https" if name == "fcm" else "http"
        return f"{scheme}://{HOST}:{self.settings.ports.get(name, 0)}"  # a stack of an earlier release lacks the newest

    def api_url(self, service: str) -> str:
        """Return the base address of a service's API."""
        return f"http://{HOST}:{self.settings.ports[f'{service}-api.http']}"

    def emulator_dir(self, name: str) -> Path:
        """Return the folder where an emulator keeps its journal."""
        return self.settings.root / "emulators" / name

    def emulator(self, name: str) -> ProcessPart:
        """Return an emulator's part."""
        settings, url = self.settings, self.emulator_url(name)
        environment = {
            "EMULATOR_PORT": str(settings.ports[name]),
            "EMULATOR_STATE_DIR": str(self.emulator_dir(name)),
            "GRIDCARE_CLOCK_OFFSET_S": str(settings.clock_offset_s),
            "EMULATOR_TWILIO_ACCOUNT_SID": settings.secrets["twilio_account_sid"],
            "EMULATOR_TWILIO_AUTH_TOKEN": settings.secrets["twilio_auth_token"],
            "EMULATOR_VNPAY_HASH_SECRET": settings.secrets["vnpay_hash_secret"],
        }
        if name == "fcm":
            environment["EMULATOR_CONTROL_PORT"] = str(self._fcm_control_port)
        return ProcessPart(
            name=name,
            command=[sys.executable, "-m", f"gridcare_local.emulators.{name}"],
            environment=environment,
            root=settings.root,
            probe=http_probe(f"{url}/_emulator/health", self._ca_file if name == "fcm" else None),
            url=self._shown(name),
            stop_grace_s=EMULATOR_STOP_GRACE_S,
        )

    def _shown(self, name: str) -> str:
        if name == "oidc":
            return f"{self.emulator_url(name)}/.well-known/openid-configuration"
        if name == "vnpay":
            return f"{self.emulator_url(name)}/_emulator/journal"
        port = self._fcm_control_port if name == "fcm" else self.settings.ports[name]
        return f"http://{HOST}:{port}/_emulator/outbox"

    def service_part(self, name: str) -> ProcessPart:
        """Return the part of a service's process (`outage-notifier-planner`). Raises LocalStackError if there is none."""
        service, _, process = name.rpartition("-")
        if process not in SERVICES.get(service, ()):
            raise LocalStackError(f"there is no {name!r}; there are: {', '.join((*EMULATORS, *SERVICE_PARTS))}")
        health = f"http://{HOST}:{self.settings.ports[f'{name}.health']}"
        return ProcessPart(
            name=name,
            command=[sys.executable, "-m", service.replace("-", "_"), process],
            environment=self.environment(service, process),
            root=self.settings.root,
            probe=http_probe(f"{health}/readyz"),
            url=f"{self.api_url(service)}/docs" if process == "api" else "",
            health=health,
        )

    def environment(self, service: str, process: str) -> dict[str, str]:
        """Return the GRIDCARE_ variables of a service's process."""
        settings, database = self.settings, service.replace("-", "_")
        base = {
            "GRIDCARE_DATABASE_URL": settings.addresses[database],
            "GRIDCARE_KAFKA_BOOTSTRAP": settings.addresses["kafka"],
            "GRIDCARE_ALLOW_PLAINTEXT": "true",
            "GRIDCARE_KAFKA_SESSION_TIMEOUT_S": "10",  # replace a killed process after 10 s, not 45 s
            "GRIDCARE_HTTP_HOST": HOST,
            "GRIDCARE_HTTP_PORT": str(settings.ports[f"{service}-api.http"]),
            "GRIDCARE_HEALTH_PORT": str(settings.ports.get(f"{service}-{process}.health", 0)),
            "GRIDCARE_DOCS_PAGE": "true",
            "GRIDCARE_OIDC_ISSUER": self.emulator_url("oidc"),
            "GRIDCARE_CLOCK_OFFSET_S": str(settings.clock_offset_s),
            "GRIDCARE_LOG_LEVEL": os.environ.get("GRIDCARE_LOG_LEVEL", "info"),
            "GRIDCARE_TRACE_FILE": str(settings.root / "traces" / f"{service}-{process}.jsonl"),
        }
        own = {name: value for name, value in self._own(service).items() if process in USERS.get(name, {process})}
        if process == "migrate":
            base["GRIDCARE_DATABASE_OWNER_URL"] = settings.addresses[f"{database}.owner"]
        return base | own | settings.environment

    def _own(self, service: str) -> dict[str, str]:
        secrets = self.settings.secrets
        if service == "outage-notifier":
            return {
                "GRIDCARE_CONTACT_KEYS": secrets["contact_keys"],
                "GRIDCARE_CONTACT_INDEX_KEY": secrets["contact_index_key"],
                "GRIDCARE_TWILIO_ACCOUNT_SID": secrets["twilio_account_sid"],
                "GRIDCARE_TWILIO_AUTH_TOKEN": secrets["twilio_auth_token"],
                "GRIDCARE_CONTACTS_BOUND": "true",
                "GRIDCARE_TWILIO_SENDER": "GRIDCARE",
                "GRIDCARE_TWILIO_API_URL": self.emulator_url("twilio"),
                "GRIDCARE_PUBLIC_URL": self.api_url(service),
                "GRIDCARE_FCM_CREDENTIALS_FILE": str(self.emulator_dir("fcm") / "service-account.json"),
                "GRIDCARE_FCM_API_URL": self.emulator_url("fcm"),
                "GRIDCARE_FCM_CA_FILE": str(self._ca_file),
                "GRIDCARE_DEVICES_PER_HOUR_MAX": "1000000",  # loads and demos come from few callers
                "GRIDCARE_MARKS_PER_HOUR_MAX": "1000000",
                "GRIDCARE_PHONES_PER_HOUR_MAX": "1000000",
                "GRIDCARE_SMS_RATE_PER_S": "2000",  # the emulator is faster than a real Twilio sender
                "GRIDCARE_HINT_SILENT_S": "5",  # a demo that kills processes must not wait a minute for leases
                "GRIDCARE_LEASE_S": "10",
                "GRIDCARE_CALL_TIMEOUT_S": "5",
                "GRIDCARE_PLANNER_LEASE_S": "5",
                "GRIDCARE_UNKNOWN_FIRST_LOOK_AFTER_S": "5",
                "GRIDCARE_UNKNOWN_SECOND_LOOK_AFTER_S": "10",
            }
        if service == "billing-gateway":
            return {
                "GRIDCARE_PAYMENTS_PER_HOUR_MAX": "1000000",
                "GRIDCARE_VNPAY_TMN_CODE": "GRIDCARE",
                "GRIDCARE_VNPAY_HASH_SECRET": secrets["vnpay_hash_secret"],
                # not followed here: tests and the demo post the callbacks
                "GRIDCARE_VNPAY_PAY_URL": "https://pay.example/paymentv2/vpcpay.html",
                "GRIDCARE_VNPAY_RETURN_URL": "https://app.example/payments/return",
                "GRIDCARE_VNPAY_QUERY_URL": f"{self.emulator_url('vnpay')}{VNPAY_QUERY_PATH}",
            }
        return {}

    @property
    def _fcm_control_port(self) -> int:
        return self.settings.ports.get(FCM_CONTROL, 0)  # a stack of an earlier release has none yet

    @property
    def _ca_file(self) -> Path:
        return self.emulator_dir("fcm") / "ca.pem"
