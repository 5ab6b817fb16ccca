"""An issuer's signing key: signs tokens, and shows its public half to whoever verifies them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Algorithm = Literal["RS256", "ES256"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair with its id."""

    kid: str
    algorithm: Algorithm
    private: PrivateKey = field(repr=False)

    @classmethod
    def new(cls, algorithm: Algorithm = "ES256") -> "SigningKey":
        """Return a new key under a new id."""
        private: PrivateKey = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        return cls(f"{algorithm.lower()}-{secrets.token_hex(8)}", algorithm, private)

    def public_jwk(self) -> dict[str, Any]:
        """Return the public key for the JWKS."""
        kind: Any = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        jwk: dict[str, Any] = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: Mapping[str, Any], **headers: Any) -> str:
        """Return a token with these claims, good or bad; `headers` are added to its header, or replace the key's id."""
        return jwt.encode(dict(claims), self.private, algorithm=self.algorithm, headers={"kid": self.kid, **headers})
