"""What the HTTP clients of providers share: how they are built, and what a failure or a Retry-After means."""

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from pyreqwest.client import BaseClientBuilder
from pyreqwest.exceptions import RequestError

from gridcare.errors import SettingsError
from gridcare.values.addresses import THIS_MACHINE

USER_AGENT: Final = "gridcare/0.1"
CONNECT_DEADLINE_S: Final = 3.0
RETRY_AFTER_S_MAX: Final = 3600.0
"""A provider that wants a longer wait is called again after an hour: a date of next year must not park a message for ever."""

_NOT_CONNECTED: Final = "client error (Connect)"

B = TypeVar("B", bound=BaseClientBuilder)


def configured(builder: B, *, url: str, deadline_s: float, ca_file: str | None = None) -> B:
    """Set what every provider's client needs: a deadline over the whole call, no retries, no redirects.

    A proxy of the environment is used, but not to a `url` on this machine: an emulator. `ca_file` names PEM certificates
    that are trusted beside the system's; raises SettingsError when it cannot be read.
    """
    builder = (
        builder.timeout(timedelta(seconds=deadline_s))
        .connect_timeout(timedelta(seconds=min(CONNECT_DEADLINE_S, deadline_s)))
        .user_agent(USER_AGENT)
        .follow_redirects(enable=False)
        .referer(enable=False)
    )
    if urlsplit(url).hostname in THIS_MACHINE:
        builder = builder.no_proxy()
    if ca_file is None:
        return builder
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(ca_file)  # checks it: the builder takes anything
        return builder.add_root_certificate_pem(Path(ca_file).read_bytes())
    except OSError as error:
        raise SettingsError(f"the CA file cannot be used: {type(error).__name__}") from None


def was_sent(error: RequestError) -> bool:
    """Say whether a call without an answer may have been done.

    Where no connection was made, no byte of the request was written: it is certainly not done. Anything else may have been
    done. The error's class does not tell the two apart: pyreqwest 0.15 raises ConnectError for a connection reset after the
    request was written, and ConnectTimeoutError for an answer that never came. Its chain of causes does, since hyper names the
    phase there.
    """
    return all(cause["message"] != _NOT_CONNECTED for cause in error.details["causes"] or [])


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Read a Retry-After: seconds or an HTTP date (RFC 9110, 10.2.3). Return None if there is none or it makes no sense.

    `now` is the machine's time, as the provider's date is.
    """
    if header is None:
        return None
    try:
        wait_s = float(header) if header.strip().isdecimal() else (_http_date(header) - now).total_seconds()
    except ValueError:
        return None
    return min(max(wait_s, 0.0), RETRY_AFTER_S_MAX)


def _http_date(header: str) -> datetime:
    moment = parsedate_to_datetime(header)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
