"""The texts of all templates, in all languages."""

import re
from itertools import product

import pytest

from outage_notifier.texts.languages import LANGUAGES, read_texts
from outage_notifier.texts.rendering import Catalog, TemplateBroken, times
from outage_notifier.texts.segments import segments
from outage_notifier.texts.template import TEMPLATES

OUTAGE_SLOTS = {
    "place": "KV 5, P. An Khánh, Q. Ninh Kiều",
    "place_by_language": {},
    "cause": "bảo trì đường dây trung thế",
    "cause_by_language": {},
    "windows": [["2026-11-30T01:00:00+00:00", "2026-11-30T04:30:00+00:00"]],
}
SLOTS = {
    "ticket-opened": {"reference": "T-7K3M9Q"},
    "ticket-attached": {"reference": "T-7K3M9Q", "expected_end_at": "2026-11-30T04:30:00+00:00"},
    "payment-received": {"amount_vnd": 896125, "bill_number": "HD202610-0001"},
}
TELL_THE_CUT = ("announcement", "reminder", "change", "emergency")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Return the production texts."""
    return Catalog(read_texts(), sender="GRIDCARE")


def slots_of(template: str) -> dict[str, object]:
    return SLOTS.get(template, OUTAGE_SLOTS)


@pytest.mark.parametrize(("template", "language"), list(product(TEMPLATES, LANGUAGES)))
def test_every_template_renders(catalog, template, language):
    """Every template has a title, a push and an SMS in every language, and every SMS names the sender, as carriers demand."""
    push = catalog.render(template, language, "push", slots_of(template))
    sms = catalog.render(template, language, "sms", slots_of(template))
    assert push.title
    assert push.body
    assert sms.title == ""
    assert "GRIDCARE" in sms.body
    assert not re.search(r"[{}\u2068\u2069]", push.title + push.body + sms.body)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_one_gsm7_segment(catalog, template, language):
    """With ordinary slots an SMS in Vietnamese or English takes one segment."""
    taken = segments(catalog.render(template, language, "sms", slots_of(template)).body)
    assert (taken.encoding, taken.count) == ("gsm7", 1)


@pytest.mark.parametrize(("template", "language"), list(product(TELL_THE_CUT, LANGUAGES)))
@pytest.mark.parametrize("channel", ["push", "sms"])
def test_four_legal_fields(catalog, template, language, channel):
    """Every message of a cut tells place, reason, start and expected end (Circular 22/2020/TT-BCT, Article 4)."""
    body = catalog.render(template, language, channel, OUTAGE_SLOTS).body
    plain = channel == "sms" and language in {"vi", "en"}
    assert ("KV 5, P. An Khanh" if plain else "KV 5, P. An Khánh") in body
    assert ("bao tri duong day" if plain else "bảo trì đường dây") in body
    assert "08:00-11:30" in body


def test_pushes_keep_diacritics(catalog):
    """A push keeps its Vietnamese letters: only SMS loses them."""
    assert catalog.render("announcement", "vi", "push", OUTAGE_SLOTS).body == (
        "Ngừng cung cấp điện 08:00-11:30 30/11/2026 (dự kiến) tại KV 5, P. An Khánh, Q. Ninh Kiều."
        " Lý do: bảo trì đường dây trung thế."
    )


def test_translation_replaces_vietnamese(catalog):
    """A planner's translation is used in its language alone."""
    slots = {**OUTAGE_SLOTS, "cause_by_language": {"en": "line repair"}}
    assert "Reason: line repair" in catalog.render("announcement", "en", "push", slots).body
    assert "bảo trì" in catalog.render("announcement", "km", "push", slots).body


def test_unknown_language(catalog):
    """Somebody whose language has no texts is told in Vietnamese."""
    assert catalog.render("restoration", "fr", "sms", OUTAGE_SLOTS).body.startswith("GRIDCARE: Da co dien")


def test_no_expected_end(catalog):
    """A ticket whose cut has no expected end gets the text's own variant for that."""
    slots = {"reference": "T-7K3M9Q", "expected_end_at": None}
    for language, channel in product(LANGUAGES, ("push", "sms")):
        assert "none" not in catalog.render("ticket-attached", language, channel, slots).body


def test_nothing_is_shortened(catalog):
    """Long slots make more segments, with every letter of them."""
    slots = {**OUTAGE_SLOTS, "place": "x" * 200, "cause": "y" * 200}
    body = catalog.render("announcement", "vi", "sms", slots).body
    assert "x" * 200 in body
    assert "y" * 200 in body
    assert segments(body).count == 4


@pytest.mark.parametrize(("template", "slots"), [("announcement", {}), ("no-such", OUTAGE_SLOTS)])
def test_missing_slot_or_template(catalog, template, slots):
    """A missing slot or template raises, so that no customer reads the name of a variable."""
    with pytest.raises(TemplateBroken):
        catalog.render(template, "vi", "push", slots)


@pytest.mark.parametrize(
    ("start", "end", "language", "written"),
    [
        ("2026-11-30T01:00:00Z", "2026-11-30T04:30:00Z", "vi", "08:00-11:30 30/11/2026"),
        ("2026-11-30T15:00:00Z", "2026-11-30T19:00:00Z", "vi", "22:00 30/11/2026 - 02:00 01/12/2026"),
        ("2026-11-30T01:00:00Z", "2026-11-30T04:30:00Z", "en", "08:00-11:30 30 Nov 2026"),
        ("2026-11-30T01:00:00Z", "2026-11-30T04:30:00Z", "zh", "08:00-11:30 2026年11月30日"),
        ("2026-11-30T17:00:00Z", "2026-11-30T18:00:00Z", "km", "00:00-01:00 01/12/2026"),
    ],
)
def test_times_of_vietnam(start, end, language, written):
    """Windows are written in Vietnam's time, the day once where one is enough."""
    assert times([[start, end]], language) == written
