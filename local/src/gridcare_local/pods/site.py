"""The cluster as a site of the demo: other pods by their names, the emulators' journals over HTTP."""

import os
import ssl
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import httpx

from gridcare_local.demo.site import TOKEN_LIFETIME_S

EMULATORS: Final = {"twilio": "http://twilio:8080", "fcm": "https://fcm:8443", "oidc": "https://oidc:8443"}
CA_FILE: Final = "POD_CA_FILE"
TIMEOUT_S: Final = 60.0


class ClusterSite:
    """The pods of this pod's own namespace. The clock is the cluster's."""

    clock_offset_s = 0.0

    @property
    def data_dir(self) -> Path:
        return Path("/tmp/town")  # noqa: S108 - the pod's own

    def api_url(self, service: str) -> str:
        """Return the address of a service's Service."""
        return f"http://{service}"

    def token(self, claims: Mapping[str, object]) -> str:
        """Ask the issuer for a token, as an app would."""
        answer = self._client.post(
            f"{EMULATORS['oidc']}/_emulator/token", json={"claims": dict(claims), "lifetime_s": TOKEN_LIFETIME_S}
        )
        return str(answer.raise_for_status().json()["access_token"])

    def journal(self, provider: str) -> Iterator[bytes]:
        """Yield the lines of an emulator's journal."""
        with self._client.stream("GET", f"{EMULATORS[provider]}/_emulator/journal") as answer:
            for line in answer.raise_for_status().iter_lines():
                if line:
                    yield line.encode()

    def check_alive(self) -> None:
        """Do nothing: a pod that dies is Kubernetes' affair, and what it was to do is measured by the books."""

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(verify=ssl.create_default_context(cafile=os.environ[CA_FILE]), timeout=TIMEOUT_S)
