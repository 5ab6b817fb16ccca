"""The seeded bugs still fit the code: each edit finds its place once, and leaves a program behind."""

import ast

import pytest
from tests.faults.seeded.bugs import BUGS
from tests.faults.seeded.selftest import BY_NUMBER, ROOT


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_bugs_can_be_seeded(bug):
    """Each edit applies to the code as it is, changes it, and can be compiled; its faults exist."""
    for edit in bug.edits:
        changed = edit.applied(ROOT)
        assert changed != (ROOT / edit.file).read_text()
        assert ast.parse(changed)
    assert set(bug.faults) <= BY_NUMBER.keys()
    file, _, test = bug.test.partition("::")
    assert bug.speaks if bug.faults else f"def {test}(" in (ROOT / file).read_text()


def test_enough_bugs_are_seeded():
    """There are at least twelve that the campaign shows, under different names."""
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert sum(bool(bug.faults) for bug in BUGS) >= 12
