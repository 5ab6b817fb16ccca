"""What telling an audience takes: how many recipients by channel and language, how many segments, and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from outage_notifier.texts.segments import Encoding
from outage_notifier.texts.template import Kind

Forecast = Literal["push", "sms", "unreachable", "opted_out", "covered"]
"""What planning is expected to make of a recipient: told over a channel, or settled at once."""

FORECASTS: Final[tuple[Forecast, ...]] = ("push", "sms", "unreachable", "opted_out", "covered")


@dataclass(frozen=True, slots=True)
class LanguageReach:
    """The recipients of one language by what is expected of them, and the SMS that they would get.

    The language may be one that this release does not write: it gets the default's text.
    `fallback`: how many of those told by push have a phone for a fallback SMS.
    """

    language: str
    recipients: Mapping[Forecast, int]
    fallback: int
    sms_body: str
    sms_encoding: Encoding
    sms_segments: int

    @property
    def segments(self) -> int:
        return self.recipients.get("sms", 0) * self.sms_segments


@dataclass(frozen=True, slots=True)
class NoticeReach:
    """One notice: how many recipients it reaches, and what it costs.

    `fallback_segments_max` are paid only where a push stays without an answer.
    """

    kind: Kind
    languages: Sequence[LanguageReach]
    price_vnd: int
    has_fallback: bool

    @property
    def recipients(self) -> Mapping[Forecast, int]:
        return {each: sum(language.recipients.get(each, 0) for language in self.languages) for each in FORECASTS}

    @property
    def audience(self) -> int:
        return sum(self.recipients.values())

    @property
    def segments(self) -> int:
        return sum(language.segments for language in self.languages)

    @property
    def cost_vnd(self) -> int:
        return self.segments * self.price_vnd

    @property
    def fallback_segments_max(self) -> int:
        return sum(language.fallback * language.sms_segments for language in self.languages)
