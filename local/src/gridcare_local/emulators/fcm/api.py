"""FCM v1 `messages:send`, on a fast path of its own, and the token endpoint."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import msgspec

from gridcare_local.emulators import outbox
from gridcare_local.emulators.emulator import ADMIN, Emulator, not_found
from gridcare_local.emulators.fcm import PROJECT_ID
from gridcare_local.emulators.fcm.account import TokenError, Tokens
from gridcare_local.emulators.fcm.rules import FcmAction, FcmRule, PushFacts
from gridcare_local.emulators.fcm.strict import violation
from gridcare_local.emulators.fcm.wire import (
    PAYLOAD_BYTES_MAX,
    SendRequest,
    bad_request,
    fault,
    fcm_fault,
    unauthenticated,
)
from gridcare_local.emulators.http import (
    JSON,
    Answer,
    Hang,
    HTTPProtocol,
    Reply,
    Request,
    Scope,
    json_answer,
    read_body,
    send,
)
from gridcare_local.emulators.server import handler
from gridcare_local.emulators.settings import EmulatorSettings

SEND_PATH: Final = f"/v1/projects/{PROJECT_ID}/messages:send"
PARENT: Final = f"projects/{PROJECT_ID}/messages".encode()
HEADERS: Final = [("content-type", JSON)]
TOKEN_LIFETIME_S: Final = 3600


class FcmSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The settings that PUT /_emulator/settings changes."""

    token_lifetime_s: int = TOKEN_LIFETIME_S
    strict: bool = False
    revoked_before_s: float = 0.0


class FcmEmulator(Emulator):
    """One Firebase project."""

    kind = "fcm"
    outbox_columns: ClassVar[tuple[str, ...]] = ("text", "title", "accepted", "tag", "data", "registration")

    def __init__(self, settings: EmulatorSettings) -> None:
        super().__init__(settings, FcmRule)
        self.tokens = Tokens(settings.state_dir, settings.address("https"))
        self.options = FcmSettings()
        self.newest: deque[bytes] = deque(maxlen=outbox.ROWS_MAX)
        self._decoder = msgspec.json.Decoder(SendRequest)
        self._ordinary = handler(self)
        self._started_us = int(time.time() * 1_000_000)

    def replay_line(self, kind: str, line: bytes) -> None:
        """Decode an accepted message only if there are rules, which see it."""
        if kind == "accepted":
            self.newest.append(line)
        if kind == "settings" or not self.script.empty:
            super().replay_line(kind, line)

    def replayed(self, line: dict[str, Any]) -> None:
        """Restore the script's counters and the settings."""
        kind = line["kind"]
        if kind in {"accepted", "refused"}:
            message = line["body"]["message"]
            self.script.choose(_facts(message.get("token"), message.get("fid"), message.get("data")))
        elif kind == "settings":
            self._use(msgspec.convert(line["settings"], FcmSettings))

    async def handle(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer over RSGI. An ordinary send takes the short way here; all other answers are made from a Reply."""
        if scope.path != SEND_PATH:
            await self._ordinary(scope, protocol)
            return
        body = await read_body(scope, protocol)
        reply = self.send(scope.headers.get("authorization", ""), body)
        if type(reply) is bytes:
            protocol.response_bytes(200, HEADERS, reply)
        else:
            await send(protocol, reply)  # type: ignore[arg-type]  # not bytes, as the cheapest test has shown above

    def send(self, authorization: str, body: bytes | None) -> bytes | Reply:
        """Accept or refuse a message. The ordinary answer is returned as bytes."""
        if not self.tokens.valid(authorization):
            self.counts["unauthenticated"] += 1
            return unauthenticated()
        checked = self._checked(body)
        if isinstance(checked, Answer) or body is None:
            self.counts["invalid"] += 1
            return checked if isinstance(checked, Answer) else bad_request("message", "too big")
        if checked.validateOnly or checked.validate_only:
            self.counts["validated"] += 1
            return b'{"name":"%b/fake_message_id"}' % PARENT
        if self.script.empty:
            return self._accept(body)
        message = checked.message
        assert message is not None  # noqa: S101 - `_checked` refuses its absence
        action = self.script.choose(_facts(message.token, message.fid, message.data))
        return self._accept(body) if action is None else self._act(action, body)

    async def answer(self, request: Request) -> Reply:
        """Answer the token endpoint and refuse other projects."""
        if request.path == "/token" and request.method == "POST":
            return self._token(request)
        if request.path.startswith("/v1/projects/"):
            return fault(403, "PERMISSION_DENIED", "Permission denied on resource project.", [])
        return not_found()

    async def admin(self, request: Request) -> Reply:
        """Answer requests for the settings and the common admin requests."""
        if request.path != f"{ADMIN}settings":
            return await super().admin(request)
        if request.method == "PUT":
            try:
                options = msgspec.json.decode(request.body, type=FcmSettings)
            except msgspec.DecodeError as error:
                return json_answer({"error": str(error)}, 422)
            self.record("settings", {"settings": msgspec.to_builtins(options)})
            self._use(options)
        return json_answer(self.options)

    def outbox(self) -> Iterable[tuple[object, ...]]:
        """Yield the newest messages."""
        for it in reversed(self.newest):
            line = msgspec.json.decode(it)
            message = line["body"]["message"]
            note = _part(message, "notification")
            tag = _part(_part(message, "android"), "notification").get("tag", "")
            to = next((message[name] for name in ("fid", "token", "topic", "condition") if message.get(name)), "")
            data = ", ".join(f"{name}={value}" for name, value in _part(message, "data").items())
            yield note.get("body", ""), note.get("title", ""), line["at"], tag, data, to

    def _use(self, options: FcmSettings) -> None:
        self.options = options
        self.tokens.revoke(options.revoked_before_s)

    def _checked(self, body: bytes | None) -> SendRequest | Answer:
        """Refuse invalid requests: always with the cheap checks, and with all of FCM's if `strict`."""
        if body is None:
            return bad_request("message", "Request payload size exceeds the limit.")
        try:
            request = self._decoder.decode(body.decode())  # decoded first, since msgspec ignores bad UTF-8 in bytes
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return bad_request("message", f"Invalid JSON payload received. {error}")
        wrong = _wrong(request, body)
        if wrong is None and self.options.strict:
            wrong = violation(msgspec.json.decode(body))
        return request if wrong is None else bad_request(*wrong)

    def _accept(self, body: bytes) -> bytes:
        name = b"%b/0:%d" % (PARENT, self._started_us + self.journal.count)
        self.newest.append(self.journal.append_raw(b"accepted", b'"name":"%b","body":%b' % (name, _one_line(body))))
        self.counts["accepted"] += 1
        return b'{"name":"%b"}' % name

    def _act(self, action: FcmAction, body: bytes) -> Reply:
        """Do what the script says."""
        refused = action.error is not None or action.http_status is not None
        if refused and not action.accepted:
            code = action.error or str(action.http_status)
            self.journal.append_raw(b"refused", b'"code":"%b","body":%b' % (code.encode(), _one_line(body)))
            self.counts["refused"] += 1
            return _refusal(action)
        accepted = self._accept(body)
        if action.hang:
            return Hang()
        return _refusal(action) if refused else Answer(200, accepted, after_s=action.latency_s)

    def _token(self, request: Request) -> Reply:
        try:
            token = self.tokens.grant(request.form, self.options.token_lifetime_s)
        except TokenError as error:
            self.counts["token refused"] += 1
            return json_answer(error.answer, 400)
        self.record("token", {"lifetime_s": self.options.token_lifetime_s})
        answer = {"access_token": token, "expires_in": self.options.token_lifetime_s, "token_type": "Bearer"}
        return json_answer(answer)


def _facts(token: str | None, fid: str | None, data: dict[str, str] | None) -> PushFacts:
    return PushFacts(token or fid or "", (data or {}).get("delivery_id", ""))


def _wrong(request: SendRequest, body: bytes) -> tuple[str, str] | None:
    """Return (field, description) of a fault that the cheap checks find, or None."""
    message = request.message
    if message is None:
        return "message", "Message is missing."
    if bool(message.token) + bool(message.fid) + bool(message.topic) + bool(message.condition) != 1:
        return "message", "Exactly one of token, fid, topic or condition is required"
    if len(body) > PAYLOAD_BYTES_MAX and _payload_bytes(body) > PAYLOAD_BYTES_MAX:
        return "message", "Message is too big, the limit is 4096 bytes"
    return None


def _one_line(body: bytes) -> bytes:
    return msgspec.json.format(body, indent=-1) if b"\n" in body or b"\r" in body else body


def _part(message: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object inside a message, or an empty one if it is absent or no object."""
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def _payload_bytes(body: bytes) -> int:
    """Return the size that FCM limits: data keys and values, and the notification's texts."""
    message = msgspec.json.decode(body)["message"]
    data = [text for pair in _part(message, "data").items() for text in pair]
    texts = [text for text in _part(message, "notification").values() if isinstance(text, str)]
    return sum(len(text.encode()) for text in data + texts)


def _refusal(action: FcmAction) -> Answer:
    if action.error is not None:
        return fcm_fault(action.error, retry_after_s=action.retry_after_s, after_s=action.latency_s)
    headers = () if action.retry_after_s is None else (("retry-after", str(action.retry_after_s)),)
    return Answer(action.http_status or 500, b"", headers, "text/plain", action.latency_s)
