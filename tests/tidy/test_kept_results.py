"""Results that are kept for an Idempotency-Key outlive a release: this one reads what every release before it kept.

`kept_results/<use case>.json` is what a release kept. A sample is never changed; a field that comes later has a default.
"""

import ast
import importlib
import json
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

SAMPLES = Path(__file__).parent / "kept_results"
USE_CASES = 9


def keyed_use_cases(python):
    """Yield the use cases that doors run by `once`."""
    for source in python:
        if not source.is_shipped or "/http_" not in source.path:
            continue
        calls = [node for node in ast.walk(source.module) if isinstance(node, ast.Call)]
        names = [call.args[1].id for call in calls if isinstance(call.func, ast.Name) and call.func.id == "once"]
        if names:
            door = importlib.import_module(source.path.partition("/src/")[2].removesuffix(".py").replace("/", "."))
            yield from (getattr(door, name) for name in names)


def within(sample, kept):
    """Return whether all that a sample says is said again; what is new since then does not matter."""
    if isinstance(sample, dict):
        return isinstance(kept, dict) and all(name in kept and within(sample[name], kept[name]) for name in sample)
    if isinstance(sample, list):
        return isinstance(kept, list) and len(sample) == len(kept) and all(map(within, sample, kept))
    return sample == kept


@pytest.fixture(scope="module")
def use_cases(python):
    """Return the keyed use cases by their names."""
    return {each.__name__: each for each in keyed_use_cases(python)}


def test_every_result_has_a_sample(use_cases):
    """Each use case that is run once for its key has a sample of what it keeps, and no sample is left over."""
    assert len(use_cases) >= USE_CASES
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(use_cases)


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.json")))
def test_kept_results_are_read(use_cases, name):
    """A sample is decoded as the use case's result, and nothing of it is lost."""
    sample = SAMPLES.joinpath(f"{name}.json").read_bytes()
    kept = msgspec.json.decode(sample, type=get_type_hints(use_cases[name])["return"])
    assert within(json.loads(sample), json.loads(msgspec.json.encode(kept)))
