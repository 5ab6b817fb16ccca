"""Files, functions and cells stay small; larger.txt lists the exceptions among the first two, which may only shrink."""

from pathlib import Path

FILE_LINES_SOFT_MAX = 250
FILE_LINES_HARD_MAX = 400
FUNCTION_LINES_SOFT_MAX = 50
FUNCTION_LINES_HARD_MAX = 70
CELL_CHARACTERS_MAX = 350

LARGER = Path(__file__).parent / "larger.txt"


def sizes(python):
    """Return (lines, soft limit, hard limit) of each file and each function by name."""
    by_name = {}
    for source in python:
        by_name[source.path] = (len(source.lines), FILE_LINES_SOFT_MAX, FILE_LINES_HARD_MAX)
        for function in source.functions():
            name = f"{source.path}::{function.name}"
            lines = function.end_lineno - function.lineno + 1
            longest = max(lines, by_name.get(name, (0,))[0])
            by_name[name] = (longest, FUNCTION_LINES_SOFT_MAX, FUNCTION_LINES_HARD_MAX)
    return by_name


def listed():
    """Read larger.txt: each line has a size and a name."""
    lines = [line for line in LARGER.read_text().splitlines() if line and not line.startswith("#")]
    return {name: int(size) for size, _, name in (line.partition(" ") for line in lines)}


def test_nothing_passes_hard_limits(python):
    """No file has more than 400 lines and no function more than 70, whatever larger.txt says."""
    assert {name: lines for name, (lines, _, hard) in sizes(python).items() if lines > hard} == {}


def test_larger_sizes_only_shrink(python):
    """larger.txt lists each file above 250 lines and each function above 50 with its present size, and nothing else."""
    large = {name: lines for name, (lines, soft, _) in sizes(python).items() if lines > soft}
    known = listed()
    grown = {name: lines for name, lines in large.items() if lines > known.get(name, 0)}
    assert grown == {}, "make these smaller; a new entry in larger.txt needs a good reason"
    shrunk = {name: large.get(name, "remove it") for name, lines in known.items() if large.get(name, 0) < lines}
    assert shrunk == {}, f"well done: write these sizes into {LARGER.name}"


def test_cells_are_short(files):
    """No cell of a table in a page is a paragraph: that belongs below the table. Generated pages are as long as they are."""
    long = [
        f"{page.path}:{number}: {len(cell)} characters"
        for page in files
        if page.path.endswith(".md") and not page.path.startswith("docs/events/")
        for number, line in enumerate(page.lines, start=1)
        if line.startswith("|")
        for cell in line.split("|")
        if len(cell) > CELL_CHARACTERS_MAX
    ]
    assert long == []


def test_the_list_is_sorted():
    """larger.txt is sorted by name, so that its diffs are easy to read."""
    assert list(listed()) == sorted(listed())
