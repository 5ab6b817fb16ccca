"""Contacts at rest: sealing, rotation, tampering, the index."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from outage_notifier.contacts.vault import DEVICE, NAME, PHONE, RECEIPT, Unsealable, Vault, index_key_of, keys_of

OLD, NEW, INDEX = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
NUMBER = b"+84912345678"
ROW = "PB11010012345"


def _vault(ring: str = f"k1:{NEW},k0:{OLD}", *, bound: bool = True) -> Vault:
    return Vault.of_settings(ring, INDEX, bound=bound)


@given(st.binary(max_size=5_000), st.sampled_from([PHONE, DEVICE, NAME, RECEIPT]), st.booleans())
def test_opened_as_sealed(plaintext, purpose, bound):
    """Any value is opened as it was sealed."""
    vault = _vault(bound=bound)
    assert vault.open(vault.seal(plaintext, purpose, row=ROW), purpose, row=ROW) == plaintext


def test_says_nothing():
    """The same number sealed twice differs, and the number is not in it."""
    vault = _vault()
    first, second = vault.seal(NUMBER, PHONE, row=ROW), vault.seal(NUMBER, PHONE, row=ROW)
    assert first != second
    assert NUMBER not in first
    assert NUMBER[-6:] not in first


def test_keys_rotate():
    """The first key seals, older keys of the ring still open, and a key that left the ring opens nothing."""
    sealed_before = _vault(f"k0:{OLD}").seal(NUMBER, PHONE, row=ROW)
    rotated = _vault(f"k1:{NEW},k0:{OLD}")
    assert rotated.open(sealed_before, PHONE, row=ROW) == NUMBER
    only_new = _vault(f"k1:{NEW}")
    assert only_new.open(rotated.seal(NUMBER, PHONE, row=ROW), PHONE, row=ROW) == NUMBER
    with pytest.raises(Unsealable):
        only_new.open(sealed_before, PHONE, row=ROW)


def test_same_id_other_key():
    """A key put under an old id opens nothing that the old key sealed."""
    sealed = _vault(f"k1:{OLD}").seal(NUMBER, PHONE, row=ROW)
    with pytest.raises(Unsealable):
        _vault(f"k1:{NEW}").open(sealed, PHONE, row=ROW)


def test_tampering_is_refused():
    """A sealed value with any bit changed, or cut anywhere, is refused."""
    vault = _vault()
    sealed = vault.seal(NUMBER, PHONE, row=ROW)
    changed = [sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :] for n in range(len(sealed))]
    cut = [sealed[:n] for n in range(len(sealed))]
    for bad in [*changed, *cut, sealed + b"\x00", b"\xff"]:
        with pytest.raises(Unsealable):
            vault.open(bad, PHONE, row=ROW)


def test_bound_to_purpose():
    """A value sealed as a phone cannot be opened as a name, so that no column's value passes for another's."""
    vault = _vault()
    with pytest.raises(Unsealable):
        vault.open(vault.seal(NUMBER, PHONE, row=ROW), NAME, row=ROW)


@given(st.text(max_size=40), st.text(max_size=40))
def test_bound_to_row(row, other):
    """A bound value opens for its row, and for another only if that has the same key."""
    vault = _vault()
    sealed = vault.seal(NUMBER, PHONE, row=row)
    assert vault.open(sealed, PHONE, row=row) == NUMBER
    if other != row:
        with pytest.raises(Unsealable):
            vault.open(sealed, PHONE, row=other)


def _sealed_by_hand(associated: bytes) -> bytes:
    """Seal NUMBER as the first release did: id, nonce, and AES-GCM with the purpose as associated data."""
    return b"\x02k1" + bytes(12) + AESGCM(base64.b64decode(NEW)).encrypt(bytes(12), NUMBER, associated)


def test_earlier_releases_agree():
    """What an earlier release sealed opens; unless told to bind, this one seals so too; what it binds is refused there."""
    former = _sealed_by_hand(b"phone")
    assert all(_vault(bound=bound).open(former, PHONE, row=ROW) == NUMBER for bound in (False, True))
    unbound, bound = _vault(bound=False).seal(NUMBER, PHONE, row=ROW), _vault().seal(NUMBER, PHONE, row=ROW)
    cipher = AESGCM(base64.b64decode(NEW))
    assert (unbound[:3], cipher.decrypt(unbound[3:15], unbound[15:], b"phone")) == (former[:3], NUMBER)
    assert bound[: bound[0] + 1] not in {
        b"\x02k1",
        b"\x02k0",
    }  # the prefix by which the earlier release looks for a key


def test_marks_do_not_help():
    """A bound value does not pass for an earlier release's without its mark, nor the other way round."""
    vault = _vault()
    for forged in (vault.seal(NUMBER, PHONE, row=ROW)[1:], b"\x00" + _sealed_by_hand(b"phone")):
        with pytest.raises(Unsealable):
            vault.open(forged, PHONE, row=ROW)


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
