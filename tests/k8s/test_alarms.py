"""Alarms use metrics that the code updates, and operations.md explains each of them."""

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
    """Return the names of the metrics that code outside gridcare.observability.metrics uses."""
    text = "".join(path.read_text() for source in SOURCES for path in source.rglob("*.py"))
    return set(re.findall(r"metrics\.([A-Z_]+)\b", text))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alarms_use_counted_metrics(rule: Manifest):
    """Each metric in an alarm's expression exists and is updated by some code."""
    declared = {
        instrument._metric._name: name  # prometheus_client has no public name for it
        for name, instrument in vars(metrics).items()
        if isinstance(instrument, instruments.Counter | instruments.Gauge | instruments.Histogram)
    }
    named = re.findall(r"\bgridcare_[a-z_]+", rule["expr"])
    assert named
    for name in named:
        assert declared[name.removesuffix("_total")] in _used()


def test_strangers_page_nobody():
    """No alarm counts answers by their status: a stranger draws 503s by sending too much."""
    assert [rule["alert"] for rule in RULES if "gridcare_http_requests_total" in rule["expr"]] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_first_events_alarm(rule: Manifest):
    """An alarm at any event of a counter with labels sees the first one: its series begins at 1 and does not increase."""
    expr = rule["expr"].partition(" unless sum")[0]  # what silences an alarm may come late
    for selected, time in re.findall(r"increase\((\S+_total(?:{[^}]*})?)\[(\w+)]\)\) > 0", expr):
        name = selected.partition("{")[0].removeprefix("gridcare_").removesuffix("_total").upper()
        if getattr(metrics, name)._labels and not rule.get("for"):
            assert f"({selected} unless {selected} offset {time}) > 0" in expr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alarms_add_nothing_up(rule: Manifest):
    """No alarm adds counters up: a sum with a counter that never counted is no number, and the alarm would stay silent."""
    assert " + " not in rule["expr"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_no_minimum_over_processes(rule: Manifest):
    """No alarm takes the least value of a gauge without labels: processes that never set it say 0."""
    for name in re.findall(r"\bmin by [^)]*\) \(gridcare_([a-z_]+)", rule["expr"]):
        gauges = [each for each in vars(metrics).values() if isinstance(each, instruments.Gauge)]
        assert [each._labels for each in gauges if each._metric._name == f"gridcare_{name}"] != [{}]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alarms_are_explained(rule: Manifest):
    """Each alarm has an entry in operations.md, a severity and a summary."""
    assert f"**{rule['alert']}**" in OPERATIONS.read_text()
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"].endswith(".")


def test_health_ports_are_scraped(prod: list[Manifest]):
    """Prometheus is told to scrape each process on its health port."""
    for manifest in prod:
        if manifest["kind"] != "Deployment":
            continue
        template = manifest["spec"]["template"]
        (health,) = [port for port in template["spec"]["containers"][0]["ports"] if port["name"] == "health"]
        assert template["metadata"]["annotations"]["prometheus.io/port"] == str(health["containerPort"])
