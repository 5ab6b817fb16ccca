"""The issuer's endpoints: discovery and JWKS for services; minting and rotation for those who drive it."""

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from gridcare_local.emulators.emulator import ADMIN, Emulator, not_found
from gridcare_local.emulators.http import Answer, Hang, Reply, Request, json_answer
from gridcare_local.emulators.oidc.keys import ALGORITHMS, TOKEN_LIFETIME_S, KeyRing, sign
from gridcare_local.emulators.script import Match, Rule, Seconds, Status
from gridcare_local.emulators.settings import EmulatorSettings

DISCOVERY_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/jwks.json"


@dataclass(frozen=True, slots=True)
class FetchFacts:
    """What a rule sees of a fetch."""

    path: str

    @property
    def recipient(self) -> str:
        """The path: what sticky draws go by."""
        return self.path


class OidcMatch(Match, forbid_unknown_fields=True, kw_only=True):
    """Which fetches: of discovery or the JWKS, by path."""

    path: str | None = None

    def fits(self, facts: FetchFacts) -> bool:
        """Tell whether the path is the one asked for."""
        return self.path is None or facts.path == self.path


class OidcAction(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens to a fetch."""

    latency_s: Seconds = 0.0
    http_status: Status | None = None
    hang: bool = False


OidcRule = Rule[OidcMatch, OidcAction]


class TokenRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of POST /_emulator/token."""

    claims: dict[str, Any]
    algorithm: str = "RS256"
    lifetime_s: int = TOKEN_LIFETIME_S


class OidcEmulator(Emulator):
    """One issuer."""

    kind = "oidc"
    outbox_columns: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: EmulatorSettings) -> None:
        super().__init__(settings, OidcRule)
        self.issuer = os.environ.get("EMULATOR_OIDC_ISSUER") or f"http://127.0.0.1:{settings.port}"
        self.ring = KeyRing(settings.state_dir)

    def replayed(self, line: dict[str, Any]) -> None:
        """Rebuild the script's counters; the keys have a file of their own."""
        if line["kind"] == "fetch":
            self.script.choose(FetchFacts(line["path"]))
            self.counts[line["path"]] += 1

    async def answer(self, request: Request) -> Reply:
        """Answer discovery and JWKS."""
        if request.method != "GET" or request.path not in {DISCOVERY_PATH, JWKS_PATH}:
            return not_found()
        action: OidcAction = self.script.choose(FetchFacts(request.path)) or OidcAction()
        self.record("fetch", {"path": request.path})
        self.counts[request.path] += 1
        if action.hang:
            return Hang()
        if action.http_status is not None:
            return Answer(action.http_status, after_s=action.latency_s)
        document = self.ring.jwks() if request.path == JWKS_PATH else self._discovery()
        return json_answer(document, after_s=action.latency_s)

    async def admin(self, request: Request) -> Reply:
        """Add minting and rotation to the common admin requests."""
        match (request.method, request.path.removeprefix(ADMIN)):
            case ("POST", "token"):
                return self._token(request)
            case ("POST", "rotate"):
                self.ring.rotate(drop_old=request.query.get("drop_old") == "true")
                self.record("rotate", {"kids": [key.kid for key in self.ring.keys]})
                return json_answer({"kids": [key.kid for key in self.ring.keys]})
        return await super().admin(request)

    def _token(self, request: Request) -> Reply:
        try:
            wanted = msgspec.json.decode(request.body, type=TokenRequest)
        except msgspec.DecodeError as error:
            return json_answer({"error": str(error)}, 422)
        algorithm = next((known for known in ALGORITHMS if known == wanted.algorithm), None)
        if algorithm is None:
            return json_answer({"error": f"algorithm: one of {', '.join(ALGORITHMS)}"}, 422)
        key = self.ring.signing(algorithm)
        token = sign(key, wanted.claims, issuer=self.issuer, lifetime_s=wanted.lifetime_s)
        self.record("token", {"kid": key.kid, "claims": wanted.claims})
        return json_answer({"access_token": token, "token_type": "Bearer", "expires_in": wanted.lifetime_s})

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}{JWKS_PATH}",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}{ADMIN}token",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(ALGORITHMS),
        }
