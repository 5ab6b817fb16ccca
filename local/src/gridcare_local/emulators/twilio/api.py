"""Twilio's REST API for messages: create, fetch and list."""

import base64
import binascii
import os
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlparse

import msgspec

from gridcare_local.emulators import outbox
from gridcare_local.emulators.emulator import Emulator
from gridcare_local.emulators.http import Answer, Hang, Reply, Request, json_answer
from gridcare_local.emulators.settings import EmulatorSettings
from gridcare_local.emulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from gridcare_local.emulators.twilio.callbacks import CallbackPoster
from gridcare_local.emulators.twilio.lifecycle import POSTED, Lifecycle
from gridcare_local.emulators.twilio.listing import page
from gridcare_local.emulators.twilio.messages import ASYNCHRONOUS_ERRORS_FROM, Message, MessageBook, plan
from gridcare_local.emulators.twilio.rules import SmsFacts, TwilioAction, TwilioRule
from gridcare_local.emulators.twilio.wire import API, error_json, is_e164, message_json, segments

BODY_CHARS_MAX: Final = 1600
VALIDITY_S_MAX: Final = 36_000
PACE_S: Final = 0.05
TOO_MANY: Final = 429


class TwilioEmulator(Emulator):
    """The messages of one account."""

    kind = "twilio"
    outbox_columns: ClassVar[tuple[str, ...]] = ("text", "to", "status", "error", "parts", "from", "created", "sid")

    def __init__(self, settings: EmulatorSettings) -> None:
        super().__init__(settings, TwilioRule)
        self.account_sid = os.environ.get("EMULATOR_TWILIO_ACCOUNT_SID") or ACCOUNT_SID
        self.auth_token = os.environ.get("EMULATOR_TWILIO_AUTH_TOKEN") or AUTH_TOKEN
        self.pace_s = float(os.environ.get("EMULATOR_TWILIO_PACE_S") or PACE_S)
        self.book = MessageBook()
        self._root = f"{API}/Accounts/{self.account_sid}/Messages"
        self._poster = CallbackPoster(self.auth_token)
        self._lifecycle = Lifecycle(self.account_sid, self._poster, self.record, settings.now_s)
        self._untold: dict[tuple[str, str], int | None] = {}

    async def started(self) -> None:
        """Continue the messages of an earlier process and post the callbacks that it left."""
        self._poster.start()
        for (sid, status), error_code in self._untold.items():
            message = self.book.get(sid)
            if message is not None and message.callback_url and "lost" not in message.callback_modes:
                self._lifecycle.tell_again(message, status, error_code)
        for message in self.book.unfinished():
            self._lifecycle.follow(message)

    def replayed(self, line: dict[str, Any]) -> None:
        """Restore messages and the script's counters."""
        kind = line["kind"]
        if kind in {"accepted", "refused"}:
            self.script.choose(SmsFacts(line["to"], line["body"]))
        if kind == "accepted":
            self._take(line)
        elif kind == "status":
            message = self.book.get(line["sid"])
            if message is not None:
                message.changes.pop(0)
                message.reach(line["status"], line["error_code"], _seconds(line["at"]))
                if line["status"] in POSTED:
                    self._untold[line["sid"], line["status"]] = line["error_code"]
        elif kind == "callback":
            self._untold.pop((line["sid"], line["status"]), None)

    async def answer(self, request: Request) -> Reply:
        """Answer create, fetch and list requests with the account's credentials."""
        if not self._authentic(request):
            return json_answer(error_json(20003, 401), 401, (("www-authenticate", 'Basic realm="Twilio API"'),))
        if request.path == f"{self._root}.json" and request.method == "POST":
            return await self._create(request)
        if request.path == f"{self._root}.json" and request.method == "GET":
            return self._list(request)
        sid = request.path.removeprefix(f"{self._root}/").removesuffix(".json")
        message = self.book.get(sid)
        if message is None or request.method != "GET":
            return _refusal(20404, 404)
        return json_answer(message_json(message, self.account_sid))

    def outbox(self) -> Iterable[tuple[object, ...]]:
        """Yield the newest messages."""
        for it in self.book.newest(outbox.ROWS_MAX):
            shown = message_json(it, self.account_sid)
            yield (
                it.body,
                it.to,
                it.status,
                it.error_code or "",
                segments(it.body),
                it.sender,
                shown["date_created"],
                it.sid,
            )

    def _authentic(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and given == f"{self.account_sid}:{self.auth_token}"

    def _list(self, request: Request) -> Reply:
        document = page(self.book, request.query, self.account_sid, now_s=self.settings.now_s())
        return _refusal(20001, 400) if document is None else json_answer(document)

    async def _create(self, request: Request) -> Reply:
        form = request.form
        invalid = _invalid(form)
        if invalid is not None:
            self.counts[f"invalid {invalid}"] += 1
            return _refusal(invalid, 400)
        action: TwilioAction | None = self.script.choose(SmsFacts(form["To"], form["Body"]))
        action = action or TwilioAction()
        refusal = _scripted_refusal(action)
        if refusal is not None and not action.accepted:
            code, status = refusal
            self.record("refused", {"to": form["To"], "body": form["Body"], "code": code, "http_status": status})
            return _refusal(code, status, action)
        message = self._accept(form, action)
        answer = json_answer(message_json(message, self.account_sid), 201, after_s=action.latency_s)
        if "early" in action.callbacks:
            await self._lifecycle.hurry(message)
        else:
            self._lifecycle.follow(message)
        if action.hang:
            return Hang()
        return answer if refusal is None else _refusal(*refusal, action)

    def _accept(self, form: dict[str, str], action: TwilioAction) -> Message:
        fields = {
            "sid": "SM" + secrets.token_hex(16),
            "to": form["To"],
            "from": form.get("From", ""),
            "body": form["Body"],
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "status_callback": form.get("StatusCallback", ""),
            "validity_s": int(form.get("ValidityPeriod", VALIDITY_S_MAX)),
            "action": msgspec.to_builtins(action),
        }
        return self._take(self.record("accepted", fields))

    def _take(self, line: dict[str, Any]) -> Message:
        action = msgspec.convert(line["action"], TwilioAction)
        created_s = _seconds(line["at"])
        message = Message(
            sid=line["sid"],
            to=line["to"],
            sender=line["from"],
            messaging_service_sid=line["messaging_service_sid"],
            body=line["body"],
            created_s=created_s,
            callback_url=line["status_callback"],
            changes=plan(action, pace_s=self.pace_s, validity_s=line["validity_s"]),
            listed_from_s=created_s + action.list_after_s,
            callback_modes=action.callbacks,
            callback_delay_s=action.callback_delay_s,
        )
        self.book.add(message)
        return message


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _refusal(code: int, status: int, action: TwilioAction | None = None) -> Answer:
    headers = () if action is None or action.retry_after_s is None else (("retry-after", str(action.retry_after_s)),)
    return json_answer(error_json(code, status), status, headers, 0.0 if action is None else action.latency_s)


def _scripted_refusal(action: TwilioAction) -> tuple[int, int] | None:
    """Return (code, HTTP status) of the refusal in an action, or None."""
    if action.http_status is not None:
        code = 20429 if action.http_status == TOO_MANY else 20500
        return (code if action.error is None else action.error), action.http_status
    if action.error is not None and action.error < ASYNCHRONOUS_ERRORS_FROM:
        return action.error, 400
    return None


def _invalid(form: dict[str, str]) -> int | None:
    """Return the code with which Twilio refuses an invalid create request, or None if it is valid."""
    validity = form.get("ValidityPeriod", "1")
    callback = urlparse(form.get("StatusCallback", "http://none"))
    checks = (
        (bool(form.get("To")), 21604),
        (is_e164(form.get("To", "")), 21211),
        (bool(form.get("From") or form.get("MessagingServiceSid")), 21603),
        (bool(form.get("Body")), 21602),
        (len(form.get("Body", "")) <= BODY_CHARS_MAX, 21617),
        (callback.scheme in {"http", "https"} and bool(callback.netloc), 21609),
        (validity.isdecimal() and 1 <= int(validity) <= VALIDITY_S_MAX, 20001),
    )
    return next((code for valid, code in checks if not valid), None)
