"""Contacts at rest: sealed with AES-256-GCM, found by a keyed hash (docs/adr/0003).

A sealed value is one byte (the length of the key's id), the id, a nonce of 12 bytes (NIST SP 800-38D), ciphertext and tag.
A zero before that says that it is bound to its row; no id has the length zero, so an earlier release refuses it.
"""

import base64
import binascii
import hmac
import os
from typing import Final, Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gridcare.errors import GridcareError

Purpose = Literal[b"phone", b"device", b"name", b"receipt"]
"""What a value is sealed for: it can be opened only for the purpose that it was sealed for."""
PHONE: Final = b"phone"
DEVICE: Final = b"device"
NAME: Final = b"name"
RECEIPT: Final = b"receipt"

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_BOUND: Final = b"\x00"


class Unsealable(GridcareError):
    """A sealed value was changed, was sealed for another purpose or another row, or its key is not in the ring."""


def keys_of(setting: str) -> dict[str, bytes]:
    """Read `id:base64,…`. Raises ValueError, which says what is wrong and never quotes a key."""
    keys: dict[str, bytes] = {}
    for entry in setting.split(","):
        name, colon, encoded = entry.strip().partition(":")
        if not colon or not name or len(name) > _KEY_BYTES or name in keys:
            raise ValueError("must be id:base64[,id:base64…] with different ids of at most 32 characters")
        keys[name] = index_key_of(encoded)
    return keys


def index_key_of(encoded: str) -> bytes:
    """Read one key of 32 bytes in base64. Raises ValueError."""
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError("a key must be base64") from None
    if len(key) != _KEY_BYTES:
        raise ValueError("a key must be 32 bytes, in base64")
    return key


class Vault:
    """Seals with the newest key, opens with any key of the ring; `bound` binds what it seals to its row."""

    def __init__(self, keys: dict[str, bytes], index_key: bytes, *, bound: bool = False) -> None:
        self._ciphers = {self._prefix(name): AESGCM(key) for name, key in keys.items()}
        self._newest = next(iter(self._ciphers))
        self._index_key = index_key
        self._bound = bound

    @classmethod
    def of_settings(cls, contact_keys: str, contact_index_key: str, *, bound: bool = False) -> Self:
        """Return a vault with a ring `id:base64,…`, the newest key first, and a key for the index. Raises ValueError."""
        return cls(keys_of(contact_keys), index_key_of(contact_index_key), bound=bound)

    @staticmethod
    def _prefix(name: str) -> bytes:
        encoded = name.encode()
        return bytes((len(encoded),)) + encoded

    @property
    def newest(self) -> bytes:
        """The prefix of every value that is sealed as this vault seals."""
        return _BOUND + self._newest if self._bound else self._newest

    def seal(self, plaintext: bytes, purpose: Purpose, *, row: str) -> bytes:
        """Seal a value for one purpose and one row: what is sealed as a phone cannot be opened as a name, nor as another's."""
        nonce = os.urandom(_NONCE_BYTES)
        associated = _bound_to(purpose, row) if self._bound else purpose
        return self.newest + nonce + self._ciphers[self._newest].encrypt(nonce, plaintext, associated)

    def open(self, sealed: bytes, purpose: Purpose, *, row: str) -> bytes:
        """Return what was sealed for this purpose and row, or by an earlier release for any row. Raises Unsealable."""
        bound = sealed.startswith(_BOUND)
        named = sealed[1:] if bound else sealed
        start = named[0] + 1 if named else 0
        cipher = self._ciphers.get(named[:start])
        if cipher is None:
            raise Unsealable("sealed with a key that is not in the ring")
        associated = _bound_to(purpose, row) if bound else purpose
        try:
            return cipher.decrypt(named[start : start + _NONCE_BYTES], named[start + _NONCE_BYTES :], associated)
        except (InvalidTag, ValueError):
            raise Unsealable("changed since it was sealed, or sealed for another purpose or row") from None

    def index(self, text: str, purpose: Purpose) -> bytes:
        """Return the keyed hash under which a value is found again (HMAC-SHA-256)."""
        return hmac.digest(self._index_key, purpose + b"\x00" + text.encode(), "sha256")


def _bound_to(purpose: Purpose, row: str) -> bytes:
    return purpose + b"\x00" + row.encode()
