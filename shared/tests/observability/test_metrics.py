"""Metrics: declared once, units in their names, labels from closed sets."""

import re
from pathlib import Path

import pytest

from gridcare.observability import instruments, metrics
from gridcare.observability.instruments import Counter, Gauge, Histogram, Named
from gridcare.testing.metrics import sample

REPOSITORY = Path(__file__).parents[3]
DECLARED = {name: value for name, value in vars(metrics).items() if isinstance(value, Counter | Gauge | Histogram)}


def test_names_carry_their_units():
    """Every metric that is not a count ends with its unit."""
    units = re.compile(r"_(seconds|months|rows|records|connections|partitions|shards|bytes|held|items|breakers)$")
    for value in DECLARED.values():
        name = value._metric._name
        assert re.fullmatch(r"gridcare_[a-z]+(_[a-z]+)*", name), name
        assert isinstance(value, Counter) or units.search(name), name
        assert value._metric._documentation.endswith("."), name


def test_no_label_holds_an_id():
    """Every label has a closed set of values, and none is named like an id or a person."""
    for name, value in DECLARED.items():
        assert not [label for label in value._labels if label.endswith("id") or label in {"phone", "customer"}], name


def test_unknown_values_are_other():
    """A wrong value is counted but makes no new series."""
    before = sample("deliveries_total", channel="sms", state="other")
    metrics.DELIVERIES.inc(3, channel="sms", state="0901234567")
    assert sample("deliveries_total", channel="sms", state="other") == before + 3
    assert "0901234567" not in instruments.render().decode()


def test_named_values_are_bounded():
    """Names declared elsewhere in the code are kept while they are few and well-formed."""
    named = Named(r"[a-z]+", values_max=2)
    assert [named.fold(value) for value in ("a", "B", "b", "c", "a", "0901234567")] == [
        "a", "other", "b", "other", "a", "other",
    ]  # fmt: skip


def test_labels_must_be_declared():
    """A missing or extra label is a bug that shows at once."""
    with pytest.raises(KeyError):
        metrics.DEAD_LETTERS.inc(topic="outages.v1")
    with pytest.raises(KeyError):
        metrics.OUTBOX_OLDEST_UNSENT_SECONDS.set(1, topic="outages.v1")


def test_gauges_and_histograms_are_rendered():
    """What was set and observed is on the page that Prometheus reads."""
    metrics.OUTBOX_OLDEST_UNSENT_SECONDS.set(12)
    metrics.DATABASE_POOL_IN_USE.inc()
    metrics.DATABASE_POOL_IN_USE.dec()
    metrics.PROVIDER_CALL_SECONDS.observe(0.2, provider="fcm")
    page = instruments.render().decode()
    assert "gridcare_outbox_oldest_unsent_seconds 12.0" in page
    assert 'gridcare_provider_call_seconds_bucket{le="0.25",provider="fcm"}' in page
    assert "process_resident_memory_bytes" in page


def test_prometheus_client_is_wrapped():
    """prometheus_client is imported in one place, so every metric goes through the vocabulary."""
    importing = re.compile(r"^\s*(from|import) prometheus_client", re.MULTILINE)
    files = [
        path
        for root in ("shared/src", "services", "local/src")
        for path in (REPOSITORY / root).rglob("*.py")
        if importing.search(path.read_text())
    ]
    assert files == [REPOSITORY / "shared/src/gridcare/observability/instruments.py"]
