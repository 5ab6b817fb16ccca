"""The issuer's endpoints: discovery and JWKS for services, tokens and key rotation for the emulator's users."""

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
    """What rules see of a request."""

    path: str

    @property
    def recipient(self) -> str:
        """The path, for sticky draws."""
        return self.path


class OidcMatch(Match, forbid_unknown_fields=True, kw_only=True):
    """Matches requests for discovery or the JWKS, by path."""

    path: str | None = None

    def fits(self, facts: FetchFacts) -> bool:
        """Return whether the path matches."""
        return self.path is None or facts.path == self.path


class OidcAction(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What happens to a request."""

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
    """A token issuer."""

    kind = "oidc"
    outbox_columns: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: EmulatorSettings) -> None:
        super().__init__(settings, OidcRule)
        self.issuer = settings.address("http")
        self.ring = KeyRing(settings.state_dir)

    def replayed(self, line: dict[str, Any]) -> None:
        """Restore the script's counters. The keys are in a file of their own."""
        if line["kind"] == "fetch":
            self.script.choose(FetchFacts(line["path"]))
            self.counts[line["path"]] += 1

    async def answer(self, request: Request) -> Reply:
        """Answer requests for discovery and the JWKS."""
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
        """Answer requests for tokens and rotation and the common admin requests."""
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
