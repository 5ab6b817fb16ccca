"""Notices as texts: a template in a language, its slots filled, for a channel. Nothing is ever shortened.

How a slot is written depends on its name:

    windows                     [[start, end], …] in Vietnam's time, as the text's variable `times`
    <name>_by_language          replaces <name> in that language
    <name>_at                   a time (ISO 8601, or null: the text chooses its variant `none`)
    <name>_vnd                  an amount of dong
    <name>_id                   what the notice is about (texts/subject.py); no text holds it
    anything else               as it is
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from babel.dates import format_date
from fluent.runtime import FluentBundle, FluentResource

from gridcare.errors import GridcareError
from gridcare.events.notices import Channel
from gridcare.values.clock import VIETNAM
from gridcare.values.money import format_vnd
from outage_notifier.texts.languages import DEFAULT_LANGUAGE, Language
from outage_notifier.texts.segments import unaccented
from outage_notifier.texts.template import TEMPLATES, Kind

UNACCENTED_SMS: Final[frozenset[Language]] = frozenset({"vi", "en"})
"""Languages whose SMS are written in GSM-7, without diacritics; the others cannot be."""

_BY_LANGUAGE: Final = "_by_language"
_DATES: Final[Mapping[Language, str]] = {"vi": "dd/MM/y", "km": "dd/MM/y", "zh": "y年M月d日", "en": "d MMM y"}


class TemplateBroken(GridcareError):
    """A text lacks a message or a slot: a bug of ours, which the tests of the texts find before a customer does."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as a person reads it; an SMS has no title."""

    title: str
    body: str


class Catalog:
    """All texts, parsed. `sender` is the registered name that every SMS carries."""

    def __init__(self, texts: Mapping[Language, str], *, sender: str) -> None:
        self._sender = sender
        self._bundles = {language: _bundle(language, source) for language, source in texts.items()}

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages that there are texts in."""
        return tuple(self._bundles)

    def render(self, template: Kind, language: str, channel: Channel, slots: Mapping[str, Any]) -> Rendered:
        """Fill a template. A language without texts gets the Vietnamese ones. Raises TemplateBroken."""
        if template not in TEMPLATES:
            raise TemplateBroken(f"no template {template}")
        written = next((known for known in self._bundles if known == language), DEFAULT_LANGUAGE)
        values = {"sender": self._sender, **_values(slots, written)}
        if channel == "push":
            title = self._text(f"{template}-title", written, values)
            return Rendered(title, self._text(f"{template}-push", written, values))
        body = self._text(f"{template}-sms", written, values)
        return Rendered("", unaccented(body) if written in UNACCENTED_SMS else body)

    def _text(self, name: str, language: Language, values: Mapping[str, str]) -> str:
        bundle = self._bundles[language]
        pattern = bundle.get_message(name).value if bundle.has_message(name) else None
        if pattern is None:
            raise TemplateBroken(f"{language}: no message {name}")
        text, errors = bundle.format_pattern(pattern, dict(values))
        if errors:
            raise TemplateBroken(f"{language}: {name}: {', '.join(type(error).__name__ for error in errors)}")
        return str(text)


def _bundle(language: Language, source: str) -> FluentBundle:
    bundle = FluentBundle([language], use_isolating=False)  # isolating marks are not GSM-7 and cost segments
    bundle.add_resource(FluentResource(source))
    return bundle


def _values(slots: Mapping[str, Any], language: Language) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in slots.items():
        if name.endswith((_BY_LANGUAGE, "_id")):
            continue
        if name == "windows":
            values["times"] = times(value, language)
        elif name.endswith("_at"):
            values[name] = "none" if value is None else _moment(value, language)
        elif name.endswith("_vnd"):
            values[name] = format_vnd(value)
        else:
            values[name] = str(slots.get(name + _BY_LANGUAGE, {}).get(language, value))
    return values


def times(windows: Sequence[Sequence[str]], language: Language) -> str:
    """Write windows as people read them, with the day only once if a window starts and ends on it."""
    return ", ".join(_window(_local(start), _local(end), language) for start, end in windows)


def _window(start: datetime, end: datetime, language: Language) -> str:
    if start.date() == end.date():
        return f"{start:%H:%M}-{end:%H:%M} {_date(start, language)}"
    return f"{start:%H:%M} {_date(start, language)} - {end:%H:%M} {_date(end, language)}"


def _moment(value: str, language: Language) -> str:
    local = _local(value)
    return f"{local:%H:%M} {_date(local, language)}"


def _local(value: str) -> datetime:
    return datetime.fromisoformat(value).astimezone(VIETNAM)


def _date(moment: datetime, language: Language) -> str:
    return format_date(moment.date(), _DATES[language], locale=language)
