"""VNPay's signature: HMAC-SHA512 over a query's `vnp_` parameters, sorted by name.

Libraries differ in how they spell the signed text (`%20` or `+`, `%2f` or `%2F`, with or without empty fields), and a proxy may
spell a query anew on its way. A query is therefore good in either of two forms: as it came, or decoded and encoded again as
VNPay's document does it. Both say the same values, so accepting either lets nobody change one.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus, unquote_to_bytes

_UNSIGNED: Final = frozenset({b"vnp_SecureHash", b"vnp_SecureHashType"})


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a query: its decoded name and value, and how it came."""

    name: bytes
    value: bytes
    raw: bytes


def sign(secret: str, text: bytes) -> str:
    """Return the HMAC-SHA512 of `name=value&…` (sorted by name, form-encoded), as lower-case hex."""
    return hmac.new(secret.encode(), text, hashlib.sha512).hexdigest()


def signature_is_good(secret: str, raw: bytes) -> bool:
    """Say whether a query carries the signature of its own parameters, comparing in constant time.

    A query in which a name comes twice is bad: the two ends could then read different values.
    """
    fields = [_field(pair) for pair in raw.split(b"&")]
    given = [field.value.lower() for field in fields if field.name == b"vnp_SecureHash"]
    if len({field.name for field in fields}) != len(fields) or not given:
        return False
    signed = sorted(
        (field for field in fields if field.name.startswith(b"vnp_") and field.name not in _UNSIGNED),
        key=lambda field: field.name,
    )
    as_it_came = b"&".join(field.raw for field in signed)
    encoded_again = "&".join(f"{quote_plus(field.name)}={quote_plus(field.value)}" for field in signed if field.value)
    good = [hmac.compare_digest(sign(secret, text).encode(), given[0]) for text in (as_it_came, encoded_again.encode())]
    return any(good)


def fields_of(query: str) -> dict[str, str]:
    """Return the decoded fields of a query; bytes that are no UTF-8 become replacement characters."""
    fields = (_field(pair.encode()) for pair in query.split("&"))
    return {field.name.decode(errors="replace"): field.value.decode(errors="replace") for field in fields}


def _field(pair: bytes) -> _Field:
    name, _, value = pair.partition(b"=")
    return _Field(_decoded(name), _decoded(value), pair)


def _decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
