"""The journal file."""

import json
import subprocess
import sys
from pathlib import Path

from gridcare_local.emulators.journal import INDEX_STEP, Journal


def journal_at(path: Path) -> Journal:
    return Journal(path, lambda: 1_795_000_000.25)


def test_a_line_is_in_the_file_when_append_returns(tmp_path):
    """An appended line can be read from the file at once, with its number, moment and kind."""
    journal = journal_at(tmp_path / "journal.jsonl")
    journal.append("accepted", {"sid": "SM1"})
    line = json.loads((tmp_path / "journal.jsonl").read_text())
    assert line == {"n": 1, "at": "2026-11-18T11:06:40.250000+00:00", "kind": "accepted", "sid": "SM1"}


def test_a_raw_line_reads_as_an_ordinary_one(tmp_path):
    """A line appended in the fast way is the same JSON line."""
    journal = journal_at(tmp_path / "journal.jsonl")
    journal.append_raw(b"accepted", b'"body":{"a":1}')
    assert [json.loads(line)["body"] for line in journal.lines(0)] == [{"a": 1}]


def test_a_torn_last_line_is_cut_and_numbers_go_on(tmp_path):
    """What a kill left half-written is cut off, and the next line takes its number."""
    path = tmp_path / "journal.jsonl"
    journal_at(path).append("accepted", {"sid": "SM1"})
    with path.open("a") as file:
        file.write('{"n":2,"at":"2026-')
    again = journal_at(path)
    assert [(kind, json.loads(line)["sid"]) for kind, line in again.replay()] == [("accepted", "SM1")]
    again.append("accepted", {"sid": "SM2"})
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_file_of_one_torn_line_is_emptied(tmp_path):
    """A journal whose only line is torn starts empty."""
    path = tmp_path / "journal.jsonl"
    path.write_text('{"n":1')
    assert list(journal_at(path).replay()) == []
    assert path.read_text() == ""


def test_lines_behind_a_number_are_found_by_the_index(tmp_path):
    """Reading behind any number gives the next line, before, at and behind an index step."""
    journal = journal_at(tmp_path / "journal.jsonl")
    for _ in range(2 * INDEX_STEP + 10):
        journal.append("accepted", {})
    for after in (0, 1, INDEX_STEP - 1, INDEX_STEP, INDEX_STEP + 1, 2 * INDEX_STEP, 2 * INDEX_STEP + 9):
        assert json.loads(next(iter(journal.lines(after))))["n"] == after + 1
    assert list(journal.lines(journal.count)) == []


def test_a_full_disk_ends_the_process_and_spoils_nothing(tmp_path):
    """When a line cannot be written whole the process ends, and the lines before it are read at the next start."""
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
