"""What the pages refer to exists: links lead to files, commands are tasks of the Makefile or commands of `gridcare`."""

import re
from pathlib import PurePosixPath

from typer.main import get_command

from gridcare_local.cli.main import app

PAGE = re.compile(r"\b[\w-]+[.]md\b")
ANCHOR = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
TASK = re.compile(r"(?:^|`|&& )make ((?:[a-z][a-z0-9-]*)(?: [a-z][a-z0-9-]*)*)(?=`| +#| [A-Z_]+=|$)", re.MULTILINE)
COMMAND = re.compile(r"(?:^|`|bin/)gridcare ([a-z][a-z-]*)", re.MULTILINE)


def pages(files):
    return [each for each in files if each.path.endswith(".md")]


def test_links_lead_to_files(files, repository):
    """Each relative link of a page names a file or folder of the repository."""
    broken = [
        f"{page.path}: {target}"
        for page in pages(files)
        for target in LINK.findall(page.text)
        if not (repository / PurePosixPath(page.path).parent / target).exists()
    ]
    assert broken == []


def test_anchors_are_headings(files, repository):
    """Each link into a page of the repository leads to a heading of it."""
    headings = {repository / page.path: {anchor(each) for each in HEADING.findall(page.text)} for page in pages(files)}
    broken = []
    for page in pages(files):
        here = repository / page.path
        for target, name in ANCHOR.findall(page.text):
            there = (here.parent / target).resolve() if target else here
            if "://" not in target and name not in headings[there]:
                broken.append(f"{page.path}: {target}#{name}")
    assert broken == []


def anchor(heading):
    """Return the name that a forge gives a heading: small letters and digits, hyphens for spaces."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_tasks_are_in_the_makefile(files, repository):
    """Each `make …` of a page is a task that `make help` lists."""
    tasks = set(re.findall(r"^([a-z0-9-]+):.*##", (repository / "Makefile").read_text(), re.MULTILINE))
    named = {task for page in pages(files) for words in TASK.findall(page.text) for task in words.split()}
    assert {"demo", "test"} <= named
    assert named <= tasks


def test_commands_are_commands(files):
    """Each `gridcare …` of a page is a command of the command line."""
    named = {name for page in pages(files) for name in COMMAND.findall(page.text)}
    assert {"start", "token"} <= named
    assert named <= set(get_command(app).commands)


def test_named_pages_exist(files):
    """Every page that any file names, in a comment or a text, is in the repository."""
    names = {PurePosixPath(page.path).name for page in pages(files)}
    unknown = [
        f"{source.path}: {name}"
        for source in files
        if not source.path.startswith("tests/tidy/")
        for name in PAGE.findall(source.text)
        if name not in names
    ]
    assert unknown == []
