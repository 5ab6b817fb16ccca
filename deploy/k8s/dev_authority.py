# ruff: noqa: INP001 - it lies next to the script that uses it, which is not in a package
"""Make the keys and certificates of a developer's cluster, once for each clone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from gridcare_local.emulators.fcm.account import write_service_account
from gridcare_local.emulators.keys import new_identity, write_whole

FOLDER: Final = Path(__file__).resolve().parent / "components" / "local-secrets" / "generated"
SERVERS: Final = ("fcm", "oidc", "vnpay")
FCM_URL: Final = "https://fcm:8443"
REMAINING_MIN: Final = timedelta(days=30)


def generate(folder: Path = FOLDER) -> None:
    """Make what is missing, and a new certificate when the old one soon ends or lacks a server."""
    if not _holds(folder / "tls.crt"):
        identity = new_identity(SERVERS)
        write_whole(folder / "tls.key", identity.key)
        write_whole(folder / "ca.crt", identity.authority)
        write_whole(folder / "tls.crt", identity.chain)  # the last: it is what says that all are there
    write_service_account(folder, FCM_URL)


def _holds(chain: Path) -> bool:
    if not chain.exists():
        return False
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = set(SERVERS) <= set(names.get_values_for_type(x509.DNSName))
    return known and certificate.not_valid_after_utc - datetime.now(UTC) > REMAINING_MIN
