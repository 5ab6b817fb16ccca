"""The issuer's signing keys, fetched without blocking and cached (OpenID Connect Discovery 1.0, RFC 7517).

- There is one fetch at a time, shared by all who wait for it.
- Keys older than `REFRESH_S` are refreshed in the background. While the issuer is down, known keys stay in use for
  `STALE_MAX_S`; a failed or empty answer never removes them.
- Unknown key ids cause at most one fetch every `COOLDOWN_S`, so that made-up ids cannot make us flood the issuer. Who comes in
  between waits for the next one: made-up ids delay no rotation. An id that it did not find is refused at once for as long.
- Keys and discovery come over https; plain http is for this machine alone.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from gridcare.errors import GridcareError, Overloaded, SettingsError, Unauthenticated, Unavailable
from gridcare.observability.logging import get_logger
from gridcare.values.addresses import is_safe

REFRESH_S: Final = 300
STALE_MAX_S: Final = 24 * 3600
COOLDOWN_S: Final = 2.0
REFRESH_COOLDOWN_S: Final = 30
"""Between tries to refresh keys that are still good."""
COLD_COOLDOWN_S: Final = 2
"""Between tries while no key is known at all. Nobody can be let in meanwhile, so it is shorter."""
FETCH_TIMEOUT_S: Final = 5
DOCUMENT_MAX_BYTES: Final = 256 * 1024
KEYS_MAX: Final = 100
WAITING_MAX: Final = 100
"""Callers with an unknown key id who may wait for the next fetch; further ones are told to come again."""
ABSENT_MAX: Final = 1000
RSA_BITS_MIN: Final = 2048
ALGORITHMS: Final = ("RS256", "ES256")
_RETRY: Final = {"Retry-After": str(COLD_COOLDOWN_S)}

logger = get_logger()


class _FetchError(GridcareError):
    """The issuer did not return usable keys; the message is a code."""


class KeySet:
    """The signing keys of one issuer. `monotonic` returns seconds; tests replace it."""

    def __init__(
        self,
        issuer: str,
        client: Client,
        *,
        cooldown_s: float = COOLDOWN_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client = client
        self._cooldown_s = cooldown_s
        self._monotonic = monotonic
        self._jwks_uri: str | None = None
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_s: float | None = None
        self._tried_s: float | None = None
        self._absent: dict[str, float] = {}
        self._looked_s = float("-inf")
        self._waiting = 0
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        issuer: str,
        *,
        ca_file: Path | None = None,
        cooldown_s: float = COOLDOWN_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> AsyncIterator["KeySet"]:
        """Open a key set with its own HTTP client; nothing is fetched before the first token arrives.

        `ca_file` names PEM certificates that are trusted beside the system's; raises SettingsError if it cannot be read.
        """
        timeout = timedelta(seconds=FETCH_TIMEOUT_S)
        builder = ClientBuilder().timeout(timeout).follow_redirects(enable=False).max_connections(2)
        if ca_file is not None:
            builder = builder.add_root_certificate_pem(_certificates(ca_file))
        async with builder.build() as client:
            keys = cls(issuer, client, cooldown_s=cooldown_s, monotonic=monotonic)
            try:
                yield keys
            finally:
                await keys.close()

    async def close(self) -> None:
        """Cancel what is under way."""
        for task in (self._looking, self._fetching):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def key(self, kid: str) -> jwt.PyJWK:
        """Return the key with this id.

        Raises Unauthenticated `invalid-token` if the issuer has no such key, Unavailable
        `identity-provider-unavailable` if the key is not known and the issuer cannot be reached, and Overloaded if too many
        wait for a key that is not known.
        """
        now = self._monotonic()
        age_s = now - self._fetched_s if self._fetched_s is not None else None
        if age_s is None or age_s > STALE_MAX_S:
            await self._refresh_cold(now)
        elif kid not in self._keys:
            await self._look_for(kid, now)
        elif age_s > REFRESH_S and (self._tried_s is None or now - self._tried_s > REFRESH_COOLDOWN_S):
            self._start()  # in the background: the known keys are still good
        key = self._keys.get(kid)
        if key is None:
            if self._failed:  # the key may be new, so the token must not be called bad
                raise _unavailable()
            raise Unauthenticated("invalid-token", "unknown signing key")
        return key

    async def _refresh_cold(self, now: float) -> None:
        if self._fetching is None and self._tried_s is not None and now - self._tried_s < COLD_COOLDOWN_S:
            raise _unavailable()
        await self._wait()
        if self._fetched_s is None or self._monotonic() - self._fetched_s > STALE_MAX_S:
            raise _unavailable()

    async def _look_for(self, kid: str, now: float) -> None:
        """Have the keys fetched for an id that is not among them, as soon as the cool-down allows."""
        absent_s = self._absent.get(kid)
        if absent_s is not None and now - absent_s < self._cooldown_s:
            return
        if self._waiting >= WAITING_MAX:
            raise Overloaded(headers=_RETRY)
        self._waiting += 1
        try:
            await asyncio.shield(self._look())
        finally:
            self._waiting -= 1
        if not self._failed and kid not in self._keys:
            self._note_absent(kid)

    def _note_absent(self, kid: str) -> None:
        if len(self._absent) >= ABSENT_MAX:
            del self._absent[next(iter(self._absent))]
        self._absent[kid] = self._looked_s

    def _look(self) -> asyncio.Task[None]:
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_again())
        return self._looking

    async def _look_again(self) -> None:
        try:
            await asyncio.sleep(max(0.0, self._looked_s + self._cooldown_s - self._monotonic()))
            self._looked_s = self._monotonic()
            await self._start()
        finally:
            self._looking = None

    async def _wait(self) -> None:
        """Wait for the shared fetch; a waiter that is cancelled does not cancel it for the others."""
        await asyncio.shield(self._start())

    def _start(self) -> asyncio.Task[None]:
        if self._fetching is None:
            self._tried_s = self._monotonic()
            self._fetching = asyncio.create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        try:
            self._keys = await self._fetch()
            self._fetched_s = self._monotonic()
            self._failed = False
        except (_FetchError, PyreqwestError) as error:
            self._failed = True
            self._jwks_uri = None  # it may have moved
            code = str(error) if isinstance(error, _FetchError) else "unreachable"
            logger.warning("signing_keys_not_refreshed", reason=code, error_class=type(error).__name__)
        finally:
            self._fetching = None

    async def _fetch(self) -> Mapping[str, jwt.PyJWK]:
        if self._jwks_uri is None:
            document = await self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
            if document.get("issuer") != self._issuer:  # OpenID Connect Discovery 1.0 §4.3: must be identical
                raise _FetchError("issuer-differs")
            uri = document.get("jwks_uri")
            if not isinstance(uri, str) or not is_safe(uri):
                raise _FetchError("no-jwks-uri")
            self._jwks_uri = uri
        keys = _usable((await self._get(self._jwks_uri)).get("keys"))
        if not keys:
            raise _FetchError("no-usable-keys")
        return keys

    async def _get(self, url: str) -> dict[str, Any]:
        response = await self._client.get(url).build().send()
        if response.status != 200:  # noqa: PLR2004 - an HTTP status
            raise _FetchError(f"status-{response.status}")
        content = bytes(await response.bytes())
        if len(content) > DOCUMENT_MAX_BYTES:
            raise _FetchError("document-too-large")
        try:
            return msgspec.json.decode(content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _FetchError("document-invalid") from None


def _certificates(ca_file: Path) -> bytes:
    try:
        return ca_file.read_bytes()
    except OSError as error:
        raise SettingsError(f"GRIDCARE_OIDC_CA_FILE cannot be read ({error.strerror})") from None


def _usable(entries: object) -> dict[str, jwt.PyJWK]:
    """Return the signing keys of our algorithms by id; others are ignored, as RFC 7517 §5 says."""
    keys: dict[str, jwt.PyJWK] = {}
    for entry in entries[:KEYS_MAX] if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
            continue
        try:
            key = jwt.PyJWK(entry)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
        weak = isinstance(key.key, RSAPublicKey) and key.key.key_size < RSA_BITS_MIN
        if key.algorithm_name in ALGORITHMS and not weak:
            keys[entry["kid"]] = key
    return keys


def _unavailable() -> Unavailable:
    return Unavailable("identity-provider-unavailable", "tokens cannot be verified at the moment", headers=_RETRY)
