"""The journal file."""

import json
import subprocess
import sys
from pathlib import Path

from gridcare_local.emulators.journal import INDEX_INTERVAL, Journal


def journal_at(path: Path) -> Journal:
    return Journal(path, lambda: 1_795_000_000.25)


def test_lines_are_written_at_once(tmp_path):
    """When `append` returns, the line is in the file with its number, time and kind."""
    journal = journal_at(tmp_path / "journal.jsonl")
    journal.append("accepted", {"sid": "SM1"})
    line = json.loads((tmp_path / "journal.jsonl").read_text())
    assert line == {"n": 1, "at": "2026-11-18T11:06:40.250000+00:00", "kind": "accepted", "sid": "SM1"}


def test_raw_lines_are_ordinary(tmp_path):
    """A line appended on the fast path is read like any other."""
    journal = journal_at(tmp_path / "journal.jsonl")
    journal.append_raw(b"accepted", b'"body":{"a":1}')
    assert [json.loads(line)["body"] for line in journal.lines(0)] == [{"a": 1}]


def test_torn_lines_are_removed(tmp_path):
    """A line that a kill left incomplete is removed, and the next line gets its number."""
    path = tmp_path / "journal.jsonl"
    journal_at(path).append("accepted", {"sid": "SM1"})
    with path.open("a") as file:
        file.write('{"n":2,"at":"2026-')
    again = journal_at(path)
    assert [(kind, json.loads(line)["sid"]) for kind, line in again.replay()] == [("accepted", "SM1")]
    again.append("accepted", {"sid": "SM2"})
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [1, 2]


def test_single_torn_lines_are_removed(tmp_path):
    """A journal whose only line is incomplete starts empty."""
    path = tmp_path / "journal.jsonl"
    path.write_text('{"n":1')
    assert list(journal_at(path).replay()) == []
    assert path.read_text() == ""


def test_any_line_is_found(tmp_path):
    """Reading after a number starts at the next line, also before, at and after a stored offset."""
    journal = journal_at(tmp_path / "journal.jsonl")
    for _ in range(2 * INDEX_INTERVAL + 10):
        journal.append("accepted", {})
    for after in (
        0,
        1,
        INDEX_INTERVAL - 1,
        INDEX_INTERVAL,
        INDEX_INTERVAL + 1,
        2 * INDEX_INTERVAL,
        2 * INDEX_INTERVAL + 9,
    ):
        assert json.loads(next(iter(journal.lines(after))))["n"] == after + 1
    assert list(journal.lines(journal.count)) == []


def test_full_disks_end_the_process(tmp_path):
    """If a line cannot be written completely, the process exits, and the next start reads all lines before it."""
    path = tmp_path / "journal.jsonl"
    program = (
        "import resource; from pathlib import Path; from gridcare_local.emulators.journal import Journal; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        f"journal = Journal(Path({str(path)!r}), lambda: 0.0)\n"
        "while True: journal.append('accepted', {'text': 'x' * 100})"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=20)
    assert (ended.returncode, ended.stderr) == (1, "the journal cannot be written: is the disk full?\n")
    assert not path.read_bytes().endswith(b"\n")
    lines = [json.loads(line) for _, line in journal_at(path).replay()]
    assert len(lines) > 3
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
