"""Contacts at rest: sealing, rotation, tampering, the index."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outage_notifier.contacts.vault import DEVICE, NAME, PHONE, RECEIPT, Unsealable, Vault, index_key_of, keys_of

OLD, NEW, INDEX = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
NUMBER = b"+84912345678"


def _vault(ring: str = f"k1:{NEW},k0:{OLD}") -> Vault:
    return Vault.of_settings(ring, INDEX)


@given(st.binary(max_size=5_000), st.sampled_from([PHONE, DEVICE, NAME, RECEIPT]))
def test_opened_as_sealed(plaintext, purpose):
    """Any value is opened as it was sealed."""
    vault = _vault()
    assert vault.open(vault.seal(plaintext, purpose), purpose) == plaintext


def test_says_nothing():
    """The same number sealed twice differs, and the number is not in it."""
    vault = _vault()
    first, second = vault.seal(NUMBER, PHONE), vault.seal(NUMBER, PHONE)
    assert first != second
    assert NUMBER not in first
    assert NUMBER[-6:] not in first


def test_keys_rotate():
    """The first key seals, older keys of the ring still open, and a key that left the ring opens nothing."""
    sealed_before = _vault(f"k0:{OLD}").seal(NUMBER, PHONE)
    rotated = _vault(f"k1:{NEW},k0:{OLD}")
    assert rotated.open(sealed_before, PHONE) == NUMBER
    only_new = _vault(f"k1:{NEW}")
    assert only_new.open(rotated.seal(NUMBER, PHONE), PHONE) == NUMBER
    with pytest.raises(Unsealable):
        only_new.open(sealed_before, PHONE)


def test_same_id_other_key():
    """A key put under an old id opens nothing that the old key sealed."""
    sealed = _vault(f"k1:{OLD}").seal(NUMBER, PHONE)
    with pytest.raises(Unsealable):
        _vault(f"k1:{NEW}").open(sealed, PHONE)


def test_tampering_is_refused():
    """A sealed value with any bit changed, or cut anywhere, is refused."""
    vault = _vault()
    sealed = vault.seal(NUMBER, PHONE)
    changed = [sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :] for n in range(len(sealed))]
    cut = [sealed[:n] for n in range(len(sealed))]
    for bad in [*changed, *cut, sealed + b"\x00", b"\xff"]:
        with pytest.raises(Unsealable):
            vault.open(bad, PHONE)


def test_bound_to_purpose():
    """A value sealed as a phone cannot be opened as a name, so that no column's value passes for another's."""
    vault = _vault()
    with pytest.raises(Unsealable):
        vault.open(vault.seal(NUMBER, PHONE), NAME)


def test_indexes_depend_on_purpose():
    """The index is the same for the same number and purpose, whatever the ring, and differs by purpose and key."""
    vault = _vault()
    index = vault.index("+84912345678", PHONE)
    assert index == _vault(f"k9:{OLD}").index("+84912345678", PHONE)
    others = [
        vault.index("+84912345679", PHONE),
        vault.index("+84912345678", DEVICE),
        Vault.of_settings(f"k1:{NEW}", OLD).index("+84912345678", PHONE),
    ]
    assert index not in others
    assert len(index) == 32


@pytest.mark.parametrize(
    "ring",
    [
        "",
        NEW,
        f":{NEW}",
        "k1:",
        "k1:c2hvcnQ=",
        "k1:not base64!",
        f"k1:{NEW},k1:{OLD}",
        f"k1:{NEW},",
        f"{'k' * 33}:{NEW}",
        "k1:" + base64.b64encode(bytes(16)).decode(),
    ],
)
def test_wrong_rings(ring):
    """A malformed ring is refused, and no key is quoted."""
    with pytest.raises(ValueError, match="must be") as refused:
        keys_of(ring)
    assert NEW not in str(refused.value)


def test_wrong_index_keys():
    """An index key must be 32 bytes in base64."""
    for encoded in ("", "c2hvcnQ=", "no!", NEW[:-4]):
        with pytest.raises(ValueError, match="must be"):
            index_key_of(encoded)
