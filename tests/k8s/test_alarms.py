"""Alarms speak of metrics that the code has, and operations.md says what to do about each."""

import re

import pytest
import yaml
from deploy.k8s import render
from deploy.k8s.house_rules import Manifest

from gridcare.observability import instruments, metrics

ALARMS = render.HERE / "components" / "metrics-scraping" / "alarms.yaml"
OPERATIONS = render.ROOT / "docs" / "operations.md"
SOURCES = [render.ROOT / "shared" / "src", *sorted((render.ROOT / "services").glob("*/src"))]
RULES = [rule for group in yaml.safe_load(ALARMS.read_text())["groups"] for rule in group["rules"]]


def _used() -> set[str]:
    """Name the metrics that some code beside the vocabulary touches."""
    text = "".join(path.read_text() for source in SOURCES for path in source.rglob("*.py"))
    return set(re.findall(r"metrics\.([A-Z_]+)\b", text))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alarm_asks_metrics_that_exist_and_are_counted(rule: Manifest):
    """An alarm on a metric that nothing moves would never ring."""
    declared = {
        instrument._metric._name: name  # prometheus_client tells it in no other way
        for name, instrument in vars(metrics).items()
        if isinstance(instrument, instruments.Counter | instruments.Gauge | instruments.Histogram)
    }
    asked = re.findall(r"\bgridcare_[a-z_]+", rule["expr"])
    assert asked
    for name in asked:
        assert declared[name.removesuffix("_total")] in _used()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alarm_is_explained(rule: Manifest):
    """Who is woken finds the alarm's name in operations.md."""
    assert f"**{rule['alert']}**" in OPERATIONS.read_text()
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")


def test_every_process_is_scraped_on_its_health_port(prod: list[Manifest]):
    """Metrics are told where the probes are answered."""
    for manifest in prod:
        if manifest["kind"] != "Deployment":
            continue
        template = manifest["spec"]["template"]
        (health,) = [port for port in template["spec"]["containers"][0]["ports"] if port["name"] == "health"]
        assert template["metadata"]["annotations"]["prometheus.io/port"] == str(health["containerPort"])
