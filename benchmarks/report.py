"""The report: docs/benchmarks.md, a section a benchmark, made of the runs that docs/benchmarks.json keeps."""

from pathlib import Path

import msgspec
from benchmarks.results import Run, Section

HEAD = """# Benchmarks

Written by `make bench` (benchmarks/). Machines are noisy: what counts are ratios taken side by side in one run, its
rounds alternating, medians quoted. CPU µs each is what one message costs on a core, whatever else the machine did.
"""
ORDER = ("push_send", "fanout")


class Kept(msgspec.Struct):
    """One section as docs/benchmarks.json keeps it."""

    facts: str
    text: str
    runs: list[Run]


def written(folder: Path, section: Section, facts: str) -> None:
    """Put a section in place of its former self; the others stay, each with the facts of its own run."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "benchmarks.json"
    kept = msgspec.json.decode(raw.read_bytes(), type=dict[str, Kept]) if raw.exists() else {}
    kept[section.name] = Kept(facts, section.text, section.runs)
    raw.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    parts = [f"## {name}\n\n{kept[name].facts}\n\n{kept[name].text}\n" for name in ORDER if name in kept]
    (folder / "benchmarks.md").write_text("\n".join([HEAD, *parts]))
