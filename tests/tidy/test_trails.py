"""The trails of docs/design.md lead through the code as it is: each file is there, and defines what the trail names."""

import ast
import re

import pytest

HEADING = re.compile(r"^### (?P<title>.+ → .+)\n+\*\*(?P<files>\d+) files\.\*\*", re.MULTILINE)
STEP = re.compile(r"^\d+\. \[(?P<shown>[^\]]+)\]\(\.\./(?P<path>[^)]+)\) (?P<names>`\w+`(?:, `\w+`)*): ", re.MULTILINE)
NAMED = re.compile(r"\]\(\.\./(?P<path>[^)]+\.py)\)")
FILES_MAX = 12
"""A longer trail is a sign that a reader is sent through too many files."""


@pytest.fixture(scope="module")
def page(repository):
    """Return the text of the page."""
    return (repository / "docs/design.md").read_text()


@pytest.fixture(scope="module")
def trails(page):
    """Return each trail's title: the number of files that it says, and its steps."""
    headings = list(HEADING.finditer(page))
    ends = [each.start() for each in headings[1:]] + [page.index("\n### Where is")]
    return {
        heading["title"]: (int(heading["files"]), list(STEP.finditer(page, heading.end(), end)))
        for heading, end in zip(headings, ends, strict=True)
    }


def defined(path):
    """Return the names of the functions that a file defines, methods too."""
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_file_is_there(page, repository):
    """Each Python file that the page links to exists."""
    paths = {match["path"] for match in NAMED.finditer(page)}
    assert len(paths) > 30
    assert [path for path in sorted(paths) if not (repository / path).is_file()] == []


def test_every_function_is_defined(trails, repository):
    """Each function that a step names is defined in the step's file."""
    missing = [
        f"{title}: {step['path']}: {name}"
        for title, (_, steps) in trails.items()
        for step in steps
        for name in re.findall(r"\w+", step["names"])
        if not (repository / step["path"]).is_file() or name not in defined(repository / step["path"])
    ]
    assert missing == []


def test_steps_are_counted(trails):
    """Each trail says how many files it leads through, and none leads through too many."""
    assert len(trails) == 6
    counted = {title: len({step["path"] for step in steps}) for title, (_, steps) in trails.items()}
    assert counted == {title: said for title, (said, _) in trails.items()}
    assert max(counted.values()) <= FILES_MAX


def test_every_step_is_read(page, trails):
    """No numbered line of a trail has a form that these tests pass over."""
    first, last = page.index("\n## Trails"), page.index("\n### Where is")
    numbered = re.findall(r"^\d+\. ", page[first:last], re.MULTILINE)
    assert len(numbered) == sum(len(steps) for _, steps in trails.values())


def test_shown_paths_end_links(trails):
    """A reader sees the path below the package, and gets to that file."""
    assert [s["shown"] for _, steps in trails.values() for s in steps if not s["path"].endswith("/" + s["shown"])] == []
