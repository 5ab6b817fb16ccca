"""The texts of every message, one file a language; what a template may do is in texts/template.py."""

from collections.abc import Mapping
from importlib.resources import files

LANGUAGES = ("vi", "km", "zh", "en")


def read_texts() -> Mapping[str, str]:
    """Read the Fluent source of every language."""
    return {language: (files(__name__) / f"{language}.ftl").read_text(encoding="utf-8") for language in LANGUAGES}
