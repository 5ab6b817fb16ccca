"""Keys and certificates, generated on demand and kept in an emulator's state directory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gridcare.testing.signing import PrivateKey

VALID_DAYS: Final = 365
AUTHORITY: Final = "Gridcare emulators"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically, readable only by its owner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.touch(mode=0o600)
    partial.write_bytes(content)
    partial.replace(path)


def new_rsa_key() -> rsa.RSAPrivateKey:
    """Return a new RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: PrivateKey) -> bytes:
    """Return a private key as unencrypted PKCS #8 in PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@dataclass(frozen=True, slots=True)
class Identity:
    """A server's key and certificate and the throw-away authority that signed it, all in PEM."""

    key: bytes
    chain: bytes
    authority: bytes


def new_identity(names: Sequence[str] = ()) -> Identity:
    """Return a certificate for localhost, 127.0.0.1 and `names`, signed by an authority whose own key is forgotten."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(AUTHORITY, ca_key, ca_key, names=None)
    server = _certificate("localhost", key, ca_key, names=names)
    encoding = serialization.Encoding.PEM
    return Identity(pem(key), server.public_bytes(encoding), authority.public_bytes(encoding))


def localhost_certificate(state_dir: Path) -> tuple[Path, Path]:
    """Return server.pem and server-key.pem for localhost and 127.0.0.1, created with ca.pem if missing."""
    chain, key_file = state_dir / "server.pem", state_dir / "server-key.pem"
    if not (chain.exists() and key_file.exists() and (state_dir / "ca.pem").exists()):
        identity = new_identity()
        write_whole(key_file, identity.key)
        write_whole(chain, identity.chain)
        write_whole(state_dir / "ca.pem", identity.authority)
    return chain, key_file


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    names: Sequence[str] | None,
) -> x509.Certificate:
    """Sign a server's certificate for `names`, or the authority's own if there are none to give."""
    now = datetime.now(UTC)
    is_ca = names is None
    usage = x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if names is not None:
        dns = [x509.DNSName(name) for name in ("localhost", *names)]
        alternatives = x509.SubjectAlternativeName([*dns, x509.IPAddress(IPv4Address("127.0.0.1"))])
        builder = builder.add_extension(alternatives, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
