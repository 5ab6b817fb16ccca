"""Whatever the code logs, traces and counts is in the vocabulary; otherwise a dropped field would be missed when needed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridcare.observability import instruments, metrics
from gridcare.observability.fields import ALLOWED

REPOSITORY = Path(__file__).parents[3]
SOURCES = sorted(
    path
    for root in ("shared/src", "services")
    for path in (REPOSITORY / root).rglob("*.py")
    if "tests" not in path.parts
)
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def calls(path: Path) -> Iterator[tuple[ast.Call, str, str]]:
    """Yield each call `owner.method(…)` of a file whose owner is a name or `metrics.NAME`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name):
                yield node, owner.id, node.func.attr
            elif isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name):
                yield node, f"{owner.value.id}.{owner.attr}", node.func.attr


def named(call: ast.Call) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_fields_and_labels_are_declared(path):
    """Log fields and span attributes are in fields.py, metric labels and their values in metrics.py."""
    wrong = []
    for call, owner, method in calls(path):
        if owner == "logger" and method in LEVELS:
            wrong += [f"line {call.lineno}: {name}" for name in named(call) if name not in ALLOWED | {"exc_info"}]
        if (owner, method) == ("tracing", "span"):
            wrong += [f"line {call.lineno}: {name}" for name in named(call) if name not in ALLOWED | {"traceparent"}]
        if owner.startswith("metrics.") and method in {"inc", "dec", "set", "observe"}:
            wrong += [f"line {call.lineno}: {fault}" for fault in label_faults(call, owner.partition(".")[2])]
    assert not wrong


def label_faults(call: ast.Call, name: str) -> Iterator[str]:
    metric = getattr(metrics, name, None)
    if metric is None:
        yield f"no metric {name}"
        return
    labels = {key: value for key, value in named(call).items() if key not in {"amount", "value", "value_s"}}
    unpacked = any(keyword.arg is None for keyword in call.keywords)
    if not unpacked and labels.keys() != metric._labels.keys():
        yield f"{name} has the labels {sorted(metric._labels)}"
    for key, value in labels.items():
        known = metric._labels.get(key)
        if isinstance(known, instruments.OneOf) and isinstance(value, ast.Constant) and value.value not in known.values:
            yield f"{name} knows no {key} {value.value}"
