"""Files and functions stay small; what is larger stands in larger.txt with its size, which only shrinks."""

from pathlib import Path

FILE_LINES_SOFT_MAX = 250
FILE_LINES_HARD_MAX = 400
FUNCTION_LINES_SOFT_MAX = 50
FUNCTION_LINES_HARD_MAX = 70

LARGER = Path(__file__).parent / "larger.txt"


def sizes(python):
    """Give name → (lines, soft limit, hard limit) of each file and each function."""
    found = {}
    for source in python:
        found[source.path] = (len(source.lines), FILE_LINES_SOFT_MAX, FILE_LINES_HARD_MAX)
        for function in source.functions():
            name = f"{source.path}::{function.name}"
            lines = function.end_lineno - function.lineno + 1
            found[name] = (max(lines, found.get(name, (0,))[0]), FUNCTION_LINES_SOFT_MAX, FUNCTION_LINES_HARD_MAX)
    return found


def listed():
    """Read larger.txt: a size and a name a line."""
    lines = [line for line in LARGER.read_text().splitlines() if line and not line.startswith("#")]
    return {name: int(size) for size, _, name in (line.partition(" ") for line in lines)}


def test_nothing_passes_the_hard_limits(python):
    """No file has more than 400 lines and no function more than 70, whatever larger.txt says."""
    assert {name: lines for name, (lines, _, hard) in sizes(python).items() if lines > hard} == {}


def test_what_passes_the_soft_limits_is_listed_and_only_shrinks(python):
    """larger.txt names each file above 250 and function above 50 lines with its present size, and no other."""
    large = {name: lines for name, (lines, soft, _) in sizes(python).items() if lines > soft}
    known = listed()
    grown = {name: lines for name, lines in large.items() if lines > known.get(name, 0)}
    assert grown == {}, "make these smaller; a new entry in larger.txt needs a good reason"
    shrunk = {name: large.get(name, "remove it") for name, lines in known.items() if large.get(name, 0) < lines}
    assert shrunk == {}, f"well done: write these sizes into {LARGER.name}"


def test_the_list_is_in_order():
    """larger.txt is sorted by name, so that a change to it reads well."""
    assert list(listed()) == sorted(listed())
