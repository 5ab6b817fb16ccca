"""VNPay's signature: HMAC-SHA512 over a query's `vnp_` parameters, sorted by name."""

import hashlib
import hmac
from typing import Final

_UNSIGNED: Final = frozenset({b"vnp_SecureHash", b"vnp_SecureHashType"})


def sign(secret: str, text: bytes) -> str:
    """Return the HMAC-SHA512 of `name=value&…` (sorted by name, form-encoded), as lower-case hex."""
    return hmac.new(secret.encode(), text, hashlib.sha512).hexdigest()


def signature_is_good(secret: str, raw: bytes) -> bool:
    """Say whether a query carries the signature of its own parameters, comparing in constant time."""
    parts = signed_part(raw)
    return parts is not None and hmac.compare_digest(sign(secret, parts[0]).encode(), parts[1].lower())


def signed_part(raw: bytes) -> tuple[bytes, bytes] | None:
    """Return what the signature of a query is over, sorted but otherwise as it came, and the signature.

    Return None when there is no signature, or when a name comes twice: the two ends could then read different values.
    """
    pairs: dict[bytes, bytes] = {}
    for pair in raw.split(b"&"):
        name, _, _ = pair.partition(b"=")
        if name in pairs:
            return None
        pairs[name] = pair
    given = pairs.get(b"vnp_SecureHash", b"").partition(b"=")[2]
    signed = sorted((name, pair) for name, pair in pairs.items() if name.startswith(b"vnp_") and name not in _UNSIGNED)
    return (b"&".join(pair for _, pair in signed), given) if given else None
