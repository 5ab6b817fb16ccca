"""What all emulators have: a journal, a script, counts, and the admin pages below /_emulator/."""

import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import msgspec

from gridcare_local.emulators import outbox
from gridcare_local.emulators.http import HTML, TEXT, Answer, Lines, Reply, Request, json_answer
from gridcare_local.emulators.journal import Journal
from gridcare_local.emulators.script import Script
from gridcare_local.emulators.settings import EmulatorSettings

ADMIN: Final = "/_emulator/"


class Emulator(ABC):
    """An emulated provider. `answer` implements its protocol; everything else is for its users."""

    kind: ClassVar[str]
    outbox_columns: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: EmulatorSettings, rule_type: Any) -> None:
        self.settings = settings
        self.script: Script[Any, Any] = Script(rule_type)
        self.journal = Journal(settings.state_dir / "journal.jsonl", settings.now_s)
        self.counts: Counter[str] = Counter()

    def rebuild(self) -> None:
        """Restore the state from the journal."""
        for kind, line in self.journal.replay():
            self.counts[kind] += 1
            if kind == "script":
                self.script.replace(msgspec.json.decode(line)["rules"])
            else:
                self.replay_line(kind, line)

    def replay_line(self, kind: str, line: bytes) -> None:
        """Restore the state from one line of the journal. Overridden where not every line needs decoding."""
        del kind
        self.replayed(msgspec.json.decode(line))

    def record(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Append a line to the journal, count it and return it."""
        line = self.journal.append(kind, fields)
        self.counts[kind] += 1
        return line

    @abstractmethod
    def replayed(self, line: dict[str, Any]) -> None:
        """Restore the state from one decoded line of the journal."""

    @abstractmethod
    async def answer(self, request: Request) -> Reply:
        """Answer a request in the provider's protocol."""

    async def started(self) -> None:
        """Start background work, if there is any, on the running loop."""
        return

    def outbox(self) -> Iterable[tuple[object, ...]]:
        """Return the newest messages for people to read, newest first, with the cells of `outbox_columns`.

        The first cell is the text. The last is a long identifier, which is shortened.
        """
        return ()

    async def admin(self, request: Request) -> Reply:
        """Answer a request below /_emulator/."""
        reply: Reply = not_found()
        match (request.method, request.path.removeprefix(ADMIN)):
            case ("GET", "health"):
                reply = json_answer({"kind": self.kind, "pid": os.getpid()})
            case ("GET", "counts"):
                reply = json_answer(self.counts)
            case ("GET", "journal"):
                after = request.query.get("after", "0")
                valid = after.isdecimal()
                reply = (
                    Lines(self.journal.lines(int(after))) if valid else json_answer({"error": "after: a number"}, 422)
                )
            case ("GET", "script"):
                reply = json_answer(self.script.state())
            case ("PUT" | "DELETE", "script"):
                reply = self._put_script(request)
            case ("GET", "outbox"):
                reply = Answer(body=outbox.page(self.kind, self.outbox_columns, self.outbox()), content_type=HTML)
            case ("GET", "outbox.txt"):
                reply = Answer(body=outbox.plain(self.outbox_columns, self.outbox()), content_type=TEXT)
        return reply

    def _put_script(self, request: Request) -> Reply:
        try:
            rules = msgspec.json.decode(request.body) if request.method == "PUT" else []
            self.script.replace(rules)
        except msgspec.DecodeError as error:  # ValidationError is a subclass
            return json_answer({"error": str(error)}, 422)
        self.record("script", {"rules": rules})
        return json_answer(self.script.state())


def not_found() -> Answer:
    """Return a 404 answer."""
    return json_answer({"error": "nothing is here"}, 404)
