"""Scripts: ordered rules that define how an emulator treats requests."""

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
    """What rules can see of a request. `sticky` rules draw once for each `recipient`."""

    @property
    def recipient(self) -> str: ...


class Match(Struct, forbid_unknown_fields=True, kw_only=True):
    """When a rule applies: all given fields must match.

    Of the requests that match the other fields, `nth` matches only that one (from 1), and `every` each k-th.
    `probability` draws from `seed`: once for each request in the order of arrival or, with `sticky`, once for each
        recipient, who then always gets the same result.
    """

    nth: Count | None = None
    every: Count | None = None
    probability: Share | None = None
    seed: int = 0
    sticky: bool = False

    def fits(self, facts: Any) -> bool:
        """Return whether the fields of the request match."""
        del facts
        return True


MatchT = TypeVar("MatchT", bound=Match)
ActionT = TypeVar("ActionT", bound=Struct)


class Rule(Struct, Generic[MatchT, ActionT], forbid_unknown_fields=True, kw_only=True):
    """One rule. The first rule that applies decides. A rule ends after `times` requests."""

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
    """The current rules with their counters.

    `choose` is called exactly once for each journaled request, so a restart can restore counters and draws from the
    journal.
    """

    def __init__(self, rule_type: Any) -> None:
        self._type = list[rule_type]
        self._live: list[_Live[MatchT, ActionT]] = []

    def replace(self, rules: Any) -> None:
        """Replace all rules and reset their counters. Raises msgspec.ValidationError."""
        self._live = [_Live(rule) for rule in msgspec.convert(rules, self._type)]

    def choose(self, facts: Facts) -> ActionT | None:
        """Return the action of the first rule that applies, or None."""
        for live in self._live:
            if live.applies(facts):
                return live.rule.action
        return None

    @property
    def empty(self) -> bool:
        """Whether there are no rules, so that `choose` need not be called."""
        return not self._live

    def state(self) -> list[dict[str, Any]]:
        """Return the rules with their counters."""
        return [{"rule": msgspec.to_builtins(it.rule), "seen": it.seen, "fired": it.fired} for it in self._live]
