"""Scripts: ordered rules that say what an emulator does with which request."""

import hashlib
import random
from typing import Annotated, Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=3600)]
Status = Annotated[int, Meta(ge=400, le=599)]


class Facts(Protocol):
    """What a rule may look at in a request; `recipient` is what `sticky` draws by."""

    @property
    def recipient(self) -> str: ...


class Match(Struct, forbid_unknown_fields=True, kw_only=True):
    """When a rule applies. All given fields must hold; the counting ones count the requests that fit the others.

    `nth`: only that request (from 1); `every`: each k-th; `probability`: a draw from `seed`, one for each request in
    the order of arrival, or with `sticky` one for each recipient, so that a recipient's fate stays the same.
    """

    nth: Count | None = None
    every: Count | None = None
    probability: Share | None = None
    seed: int = 0
    sticky: bool = False

    def fits(self, facts: Any) -> bool:
        """Tell whether the request's own fields are the ones asked for."""
        del facts
        return True


MatchT = TypeVar("MatchT", bound=Match)
ActionT = TypeVar("ActionT", bound=Struct)


class Rule(Struct, Generic[MatchT, ActionT], forbid_unknown_fields=True, kw_only=True):
    """One rule: the first one that applies decides. `times` ends it after that many requests."""

    match: MatchT
    action: ActionT
    times: Count | None = None


class _Live(Generic[MatchT, ActionT]):
    def __init__(self, rule: Rule[MatchT, ActionT]) -> None:
        self.rule = rule
        self.seen = 0
        self.fired = 0
        self._random = random.Random(rule.match.seed)

    def applies(self, facts: Facts) -> bool:
        match = self.rule.match
        if (self.rule.times is not None and self.fired >= self.rule.times) or not match.fits(facts):
            return False
        self.seen += 1
        if match.nth is not None and self.seen != match.nth:
            return False
        if match.every is not None and self.seen % match.every:
            return False
        if match.probability is not None and self._draw(facts) >= match.probability:
            return False
        self.fired += 1
        return True

    def _draw(self, facts: Facts) -> float:
        if not self.rule.match.sticky:
            return self._random.random()
        digest = hashlib.blake2b(f"{self.rule.match.seed}:{facts.recipient}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


class Script(Generic[MatchT, ActionT]):
    """The rules in force, with how often each was met.

    `choose` is called exactly once for each journaled request, so a restart rebuilds counters and draws from the journal.
    """

    def __init__(self, rule_type: Any) -> None:
        self._type = list[rule_type]
        self._live: list[_Live[MatchT, ActionT]] = []

    def replace(self, rules: Any) -> None:
        """Put a whole new list of rules in force, counting from zero; msgspec.ValidationError names what is wrong."""
        self._live = [_Live(rule) for rule in msgspec.convert(rules, self._type)]

    def choose(self, facts: Facts) -> ActionT | None:
        """Give the action of the first rule that applies."""
        for live in self._live:
            if live.applies(facts):
                return live.rule.action
        return None

    @property
    def empty(self) -> bool:
        """Tell whether there is no rule, so that no facts need be gathered."""
        return not self._live

    def state(self) -> list[dict[str, Any]]:
        """Describe the rules with their counters."""
        return [{"rule": msgspec.to_builtins(it.rule), "seen": it.seen, "fired": it.fired} for it in self._live]
