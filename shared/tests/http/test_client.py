"""HTTP clients of providers: a CA file that is none, and what a Retry-After says."""

from datetime import UTC, datetime, timedelta

import pytest
from pyreqwest.client import ClientBuilder

from gridcare.errors import SettingsError
from gridcare.http.client import RETRY_AFTER_S_MAX, configured, retry_after_s

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_bad_ca_file(tmp_path, content):
    """A missing file refuses the start."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n")
    with pytest.raises(SettingsError):
        configured(ClientBuilder(), url="https://a.test", deadline_s=1, ca_file=str(path)).build()


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("0", 0.0),
        ("120", 120.0),
        ("999999999", RETRY_AFTER_S_MAX),
        ("Mon, 23 Nov 2026 05:02:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 04:00:00 GMT", 0.0),
        ("-5", None),
        ("Mon, 99 Nov 2026", None),
    ],
)
def test_retry_after_is_read(header, wait_s):
    """Seconds or an HTTP date, never more than an hour, never negative; nonsense is none."""
    assert retry_after_s(header, NOW) == wait_s


def test_zoneless_date_is_utc():
    """An HTTP date is in GMT whatever its zone says."""
    header = (NOW + timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S -0000")
    assert retry_after_s(header, NOW) == 30.0
