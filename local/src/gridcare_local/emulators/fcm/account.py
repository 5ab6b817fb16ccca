"""The service account that may send, and the access tokens issued for its signed assertions (RFC 7523)."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization

from gridcare_local.emulators.fcm import PROJECT_ID
from gridcare_local.emulators.keys import new_rsa_key, pem, write_whole

GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_AUDIENCE: Final = (
    "https://oauth2.googleapis.com/token"  # google-auth uses this audience whatever the token_uri is
)
SCOPES: Final = frozenset(
    {"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"}
)
CLIENT_EMAIL: Final = f"sender@{PROJECT_ID}.iam.gserviceaccount.com"
ASSERTION_S_MAX: Final = 3600
SKEW_S: Final = 300
TOKENS_KNOWN_MAX: Final = 1000


def write_service_account(state_dir: Path, url: str) -> Path:
    """Write service-account.json for an emulator at `url` and return its path. An existing key is kept."""
    path = state_dir / "service-account.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    account = {
        "type": "service_account",
        "project_id": PROJECT_ID,
        "private_key_id": known.get("private_key_id") or secrets.token_hex(20),
        "private_key": known.get("private_key") or pem(new_rsa_key()).decode(),
        "client_email": CLIENT_EMAIL,
        "client_id": "100000000000000000001",
        "token_uri": f"{url}/token",
    }
    if account != known:
        write_whole(path, json.dumps(account, indent=2).encode())
    return path


class TokenError(Exception):
    """An assertion was refused. `answer` is the OAuth answer with `error` and `error_description`."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.answer = {"error": error, "error_description": description}


class Tokens:
    """Access tokens. They contain their expiry and a MAC, so that they stay valid when the emulator is restarted."""

    def __init__(self, state_dir: Path, url: str) -> None:
        given = os.environ.get("EMULATOR_FCM_ACCOUNT_FILE")
        file = Path(given) if given else write_service_account(state_dir, url)
        account = json.loads(file.read_text())
        key = serialization.load_pem_private_key(
            account["private_key"].encode(), None, unsafe_skip_rsa_key_validation=True
        )
        self._public_key: Any = key.public_key()
        self._secret = hashlib.sha256(account["private_key"].encode()).digest()
        self._token_uri: str = account["token_uri"]
        self._known: dict[str, float] = {}
        self.revoked_before_s = 0.0

    def grant(self, form: dict[str, str], lifetime_s: int) -> str:
        """Verify a signed assertion and return an access token. Raises TokenError."""
        if form.get("grant_type") != GRANT:
            raise TokenError("unsupported_grant_type", "Invalid grant_type")
        try:
            claims = jwt.decode(
                form.get("assertion", ""),
                self._public_key,
                algorithms=["RS256"],
                audience=[GOOGLE_AUDIENCE, self._token_uri, self._token_uri.replace("127.0.0.1", "localhost")],
                issuer=CLIENT_EMAIL,
                leeway=SKEW_S,
                options={"require": ["iss", "aud", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            raise TokenError("invalid_grant", f"Invalid JWT: {type(error).__name__}") from error
        if claims["exp"] - claims["iat"] > ASSERTION_S_MAX:
            raise TokenError("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes)")
        if not SCOPES.intersection(str(claims.get("scope", "")).split()):
            raise TokenError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        now_s = time.time()
        content = f"{now_s:.3f}:{now_s + lifetime_s:.3f}:{secrets.token_hex(8)}"
        return "ya29." + base64.urlsafe_b64encode(f"{content}:{self._mac(content)}".encode()).decode()

    def valid(self, authorization: str) -> bool:
        """Return whether an Authorization header has a token of ours that has not expired in real time."""
        ends_s = self._known.get(authorization)
        if ends_s is None:
            ends_s = self._ends_s(authorization)
            if len(self._known) >= TOKENS_KNOWN_MAX:
                self._known.clear()
            self._known[authorization] = ends_s
        return time.time() < ends_s

    def revoke(self, before_s: float) -> None:
        """Refuse every token issued before a moment."""
        self.revoked_before_s = before_s
        self._known.clear()

    def _mac(self, content: str) -> str:
        return hmac.new(self._secret, content.encode(), hashlib.sha256).hexdigest()

    def _ends_s(self, authorization: str) -> float:
        try:
            content, _, mac = (
                base64.urlsafe_b64decode(authorization.removeprefix("Bearer ya29.")).decode().rpartition(":")
            )
            given, ends, _ = content.split(":")
            if hmac.compare_digest(mac, self._mac(content)) and float(given) >= self.revoked_before_s:
                return float(ends)
        except ValueError:
            pass
        return 0.0
