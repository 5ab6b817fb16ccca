"""The benchmarks at a tiny size: they run, check their own results and write a report. No time is judged."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("benchmark", "contenders"),
    [("push_send", {"ours", "firebase-admin", "aiohttp"}), ("fanout", {"ours", "ours, two senders", "ordinary"})],
)
def test_benchmarks_run(benchmark, contenders, tmp_path):
    """Each benchmark succeeds and reports every contender."""
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--only", benchmark, "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"## {benchmark}" in (tmp_path / "benchmarks.md").read_text()
    kept = msgspec.json.decode((tmp_path / "benchmarks.json").read_bytes())
    assert contenders <= {run["contender"] for run in kept[benchmark]["runs"]}
