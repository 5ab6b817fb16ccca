"""The report docs/benchmarks.md: a section for each benchmark, made from the runs in docs/benchmarks.json."""

from pathlib import Path

import msgspec
from benchmarks.results import Run, Section

HEAD = """# Benchmarks

Written by `make bench` (benchmarks/). Machines are noisy, so compare ratios: contenders take turns within one run, and
figures are medians. "CPU µs each" is what one message costs on a core, whatever else the machine did.
"""
ORDER = ("push_send", "fanout")


class Kept(msgspec.Struct):
    """One section as stored in docs/benchmarks.json."""

    facts: str
    text: str
    runs: list[Run]


def write_report(folder: Path, section: Section, facts: str) -> None:
    """Replace a section of the report. The others stay, each with the facts of its own run."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "benchmarks.json"
    kept = msgspec.json.decode(raw.read_bytes(), type=dict[str, Kept]) if raw.exists() else {}
    kept[section.name] = Kept(facts, section.text, section.runs)
    raw.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    parts = [f"## {name}\n\n{kept[name].facts}\n\n{kept[name].text}\n" for name in ORDER if name in kept]
    (folder / "benchmarks.md").write_text("\n".join([HEAD, *parts]))
