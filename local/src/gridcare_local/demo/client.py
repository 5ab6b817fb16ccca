"""Calls the services of a site as the utility's staff would: over HTTP, with tokens for their roles."""

import ssl
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx

from gridcare_local.demo.site import Site
from gridcare_local.errors import LocalStackError
from gridcare_local.stack.catalog import SERVICES

TIMEOUT_S: Final = 600.0
PATIENCE_S: Final = 60.0
"""Longer than the restart of any part takes."""

AGAIN_INTERVAL_S: Final = 0.25


class Client:
    """A person with a role; a customer has customer codes."""

    def __init__(self, site: Site, role: str, customer_codes: Sequence[str] = ()) -> None:
        claims: dict[str, object] = {
            "sub": "-".join(["demo", role, *customer_codes[:1]]),
            "aud": list(SERVICES),
            "roles": [role],
            "customer_codes": list(customer_codes),
        }
        self._token = site.token(claims)
        self._urls = {service: site.api_url(service) for service in SERVICES}

    def get(self, service: str, path: str) -> Any:
        """Send a GET request. Raises LocalStackError with the problem's text."""
        return self._call("GET", service, path)

    def post(self, service: str, path: str, body: Mapping[str, Any]) -> Any:
        """Send a POST request with an Idempotency-Key, so that internal retries have no further effect."""
        return self._call("POST", service, path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})

    def put(self, service: str, path: str, body: object) -> Any:
        """Send a PUT request."""
        return self._call("PUT", service, path, json=body)

    def upload(self, service: str, path: str, file: Path, media_type: str) -> Any:
        """Send a POST request that streams a file."""
        with file.open("rb") as body:
            return self._call("POST", service, path, content=body, headers={"Content-Type": media_type})

    def _call(self, method: str, service: str, path: str, **request: Any) -> Any:
        """Send a request, and repeat it while the service or a dependency is down, as after a kill.

        Repeats have the same Idempotency-Key. A streamed body is not repeated.
        """
        headers = {"Authorization": f"Bearer {self._token}", **request.pop("headers", {})}
        deadline = time.monotonic() + (0 if "content" in request else PATIENCE_S)
        while True:
            try:
                answer = httpx.request(
                    method, self._urls[service] + path, headers=headers, timeout=TIMEOUT_S, verify=_no_tls(), **request
                )
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    why = f"{service} does not answer ({type(error).__name__}): is the stack up?"
                    raise LocalStackError(why) from error
            else:
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    break
            time.sleep(AGAIN_INTERVAL_S)
        if answer.is_error:
            raise LocalStackError(f"{method} {service}{path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None


@cache
def _no_tls() -> ssl.SSLContext:
    """Return a context without the machine's CAs: loading them takes longer than a call, and calls use plain HTTP."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
