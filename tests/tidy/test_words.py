"""Words that do not belong in the repository: notes for later, mocks, skipped tests, paths of a machine."""

import ast
import re
from pathlib import Path

SKIPS = Path(__file__).parent / "skips.txt"

# `matches_elsewhere` skips these tests, which contain the words themselves.
NOTES = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
IGNORE_WITHOUT_CODE = re.compile(r"type: ignore(?!\[)")
NOQA_WITHOUT_CODE = re.compile(r"# noqa(?!: [A-Z]+[0-9]+)")
MOCKS = re.compile(r"\bunittest[.]mock\b|\bfrom unittest import mock\b|\bpytest_mock\b|\bmocker\b")
REPLACED = re.compile(r"\bmonkeypatch[.]set(attr|item)\b")
SKIPPED = re.compile(r"\bpytest[.](skip|xfail|importorskip)\b|\bmark[.](skip|skipif|xfail)\b|\bSkipTest\b")
GIVE = re.compile(r"\s*Gives?\b")
MACHINE_PATH = re.compile(r"(?<![\w./$}>-])/(work|home|root|Users|mnt|media|private)/[\w.]")

MAY_PRINT = re.compile(r"^local/src/gridcare_local/emulators/vnpay/payer[.]py$")


def matches_elsewhere(sources, pattern):
    """Return `path:line: text` of each match outside the tidy tests."""
    return [
        f"{source.path}:{number}: {match.group(0)}"
        for source in sources
        if not source.path.startswith("tests/tidy/")
        for number, line in enumerate(source.lines, start=1)
        for match in pattern.finditer(line)
    ]


def test_no_notes_for_later(files):
    """Open work is an issue, not a note in the code."""
    assert matches_elsewhere(files, NOTES) == []


def test_ignores_name_their_code(python):
    """A comment that ignores a finding of mypy or ruff names the finding's code."""
    assert matches_elsewhere(python, IGNORE_WITHOUT_CODE) + matches_elsewhere(python, NOQA_WITHOUT_CODE) == []


def test_nothing_is_mocked(python):
    """No test uses a mock or replaces an attribute: fakes pass the real adapter's tests, everything else is real."""
    assert matches_elsewhere(python, MOCKS) == []
    assert matches_elsewhere(python, REPLACED) == []


def test_no_docstring_gives(python):
    """Docstrings say `Return …` or what a thing is; none begins with `Give`."""
    giving = [
        f"{source.path}:{node.lineno}"
        for source in python
        for node in ast.walk(source.module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and GIVE.match(str(node.value.value))
    ]
    assert giving == []


def test_skips_are_listed(python):
    """skips.txt lists each file that may skip, with the reason, and no other."""
    skipping = {line.partition(":")[0] for line in matches_elsewhere(python, SKIPPED)}
    lines = [line for line in SKIPS.read_text().splitlines() if line and not line.startswith("#")]
    listed = {path: reason for path, _, reason in (line.partition(" ") for line in lines)}
    assert skipping == listed.keys()
    assert all(listed.values()), "each needs a reason"


def test_no_machine_paths(files):
    """No file names a folder of the machine that it was written on."""
    assert matches_elsewhere(files, MACHINE_PATH) == []


def test_only_commands_print(shipped):
    """Only commands that a person runs in a terminal print; services log."""
    calls = [
        f"{source.path}:{node.lineno}"
        for source in shipped
        if not MAY_PRINT.match(source.path)
        for node in ast.walk(source.module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "pprint"}
    ]
    assert calls == []
