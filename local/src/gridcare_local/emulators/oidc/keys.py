"""The issuer's signing keys, stored in keys.json, and the signing of tokens with them."""

import json
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization

from gridcare.testing.signing import Algorithm, SigningKey
from gridcare_local.emulators.keys import pem, write_whole

ALGORITHMS: Final[tuple[Algorithm, ...]] = ("RS256", "ES256")
TOKEN_LIFETIME_S: Final = 3600


@lru_cache(maxsize=64)
def _loaded(key_pem: str) -> Any:
    """Load a key of ours without checks: checking an RSA key takes longer than signing with it."""
    return serialization.load_pem_private_key(key_pem.encode(), None, unsafe_skip_rsa_key_validation=True)


class KeyRing:
    """All keys that still verify tokens. The newest of each algorithm signs."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "keys.json"
        self.keys: list[SigningKey] = []
        if self._path.exists():
            kept = json.loads(self._path.read_text())
            self.keys = [SigningKey(key["kid"], key["algorithm"], _loaded(key["pem"])) for key in kept]
        else:
            self.rotate()

    def rotate(self, *, drop_old: bool = False) -> None:
        """Create new keys, which sign from now on. Older ones stay in the JWKS unless they are dropped."""
        self.keys = [*([] if drop_old else self.keys), *(SigningKey.new(algorithm) for algorithm in ALGORITHMS)]
        kept = [{"kid": key.kid, "algorithm": key.algorithm, "pem": pem(key.private).decode()} for key in self.keys]
        write_whole(self._path, json.dumps(kept).encode())

    def signing(self, algorithm: Algorithm) -> SigningKey:
        """Return the key that signs."""
        return next(key for key in reversed(self.keys) if key.algorithm == algorithm)

    def jwks(self) -> dict[str, Any]:
        """Return the JWKS, newest keys first."""
        return {"keys": [key.public_jwk() for key in reversed(self.keys)]}


def sign(key: SigningKey, claims: Mapping[str, Any], *, issuer: str, lifetime_s: int = TOKEN_LIFETIME_S) -> str:
    """Return a signed token. Missing iss, iat, nbf and exp (real time) are added; claims that are None are left out."""
    now_s = int(time.time())
    whole = {"iss": issuer, "iat": now_s, "nbf": now_s, "exp": now_s + lifetime_s, **claims}
    return key.sign({name: value for name, value in whole.items() if value is not None})


def mint(
    state_dir: Path,
    issuer: str,
    claims: Mapping[str, Any],
    *,
    algorithm: Algorithm = "RS256",
    lifetime_s: int = TOKEN_LIFETIME_S,
    foreign: bool = False,
) -> str:
    """Mint a token with the keys in `state_dir`, whether the emulator runs or not.

    Claims that the services read: sub, roles, customer_codes, team_id, aud. `foreign` signs with a key that is in no
    JWKS, although its `kid` is.
    """
    key = KeyRing(state_dir).signing(algorithm)
    if foreign:
        key = SigningKey(key.kid, algorithm, SigningKey.new(algorithm).private)
    return sign(key, claims, issuer=issuer, lifetime_s=lifetime_s)
