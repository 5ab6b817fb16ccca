"""The texts of every message, one file per language; what a template may do is in texts/template.py."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final, Literal, get_args

Translated = Literal["km", "zh", "en"]
"""Languages into which a planner may translate what an outage says; where a translation is missing, the Vietnamese is used."""

Language = Literal["vi", Translated]
"""Languages in which messages are written: Vietnamese, Khmer, Chinese and English."""

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
DEFAULT_LANGUAGE: Final[Language] = "vi"
"""The language of customers who are not known yet."""


def read_texts() -> Mapping[Language, str]:
    """Return the Fluent source of every language."""
    return {language: (files(__name__) / f"{language}.ftl").read_text(encoding="utf-8") for language in LANGUAGES}
