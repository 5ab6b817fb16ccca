"""Words that do not belong into the repository: notes for later, mocks, skipped tests, a machine's paths."""

import ast
import re
from pathlib import Path

SKIPS = Path(__file__).parent / "skips.txt"

# Their own words do not count: `found_elsewhere` leaves these tests out.
NOTES = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
IGNORE_WITHOUT_CODE = re.compile(r"type: ignore(?!\[)")
NOQA_WITHOUT_CODE = re.compile(r"# noqa(?!: [A-Z]+[0-9]+)")
MOCKS = re.compile(r"\bunittest[.]mock\b|\bfrom unittest import mock\b|\bpytest_mock\b|\bmocker\b")
REPLACED = re.compile(r"\bmonkeypatch[.]set(attr|item)\b")
SKIPPED = re.compile(r"\bpytest[.](skip|xfail|importorskip)\b|\bmark[.](skip|skipif|xfail)\b|\bSkipTest\b")
MACHINE_PATH = re.compile(r"(?<![\w./$}>-])/(work|home|root|Users|mnt|media|private)/[\w.]")

MAY_PRINT = re.compile(r"^local/src/gridcare_local/emulators/vnpay[.]py$")


def found_elsewhere(sources, pattern):
    """Give `path:line: text` of each match."""
    return [
        f"{source.path}:{number}: {match.group(0)}"
        for source in sources
        if not source.path.startswith("tests/tidy/")
        for number, line in enumerate(source.lines, start=1)
        for match in pattern.finditer(line)
    ]


def test_no_notes_for_later(files):
    """What is to be done is done or is an issue, never a note in the code."""
    assert found_elsewhere(files, NOTES) == []


def test_every_ignore_names_what_it_ignores(python):
    """An ignored finding of mypy or ruff names its code."""
    assert found_elsewhere(python, IGNORE_WITHOUT_CODE) + found_elsewhere(python, NOQA_WITHOUT_CODE) == []


def test_nothing_is_mocked(python):
    """No mocks, no attribute replaced under a test: fakes pass the real adapter's tests, the rest is real."""
    assert found_elsewhere(python, MOCKS) == []
    assert found_elsewhere(python, REPLACED) == []


def test_no_test_is_skipped_but_those_listed(python):
    """skips.txt names each file that may skip, with the reason; it names no other."""
    skipping = {line.partition(":")[0] for line in found_elsewhere(python, SKIPPED)}
    lines = [line for line in SKIPS.read_text().splitlines() if line and not line.startswith("#")]
    listed = {path: reason for path, _, reason in (line.partition(" ") for line in lines)}
    assert skipping == listed.keys()
    assert all(listed.values()), "a reason each"


def test_no_path_of_a_machine(files):
    """Nothing names a folder of the machine that it was written on."""
    assert found_elsewhere(files, MACHINE_PATH) == []


def test_only_commands_print(shipped):
    """The services log; only what a person runs in a terminal prints."""
    calls = [
        f"{source.path}:{node.lineno}"
        for source in shipped
        if not MAY_PRINT.match(source.path)
        for node in ast.walk(source.module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "pprint"}
    ]
    assert calls == []
