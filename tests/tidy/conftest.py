"""The files of the repository, as the tidy tests read them."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BINARY = {".png", ".jpg", ".ico", ".woff2", ".jar", ".gz", ".zip"}


@dataclass(frozen=True)
class Source:
    """One file of the repository; `path` is relative to its root."""

    path: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text()

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def module(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_shipped(self) -> bool:
        """Return whether the file is part of a package rather than of its tests or tools."""
        return self.is_python and "/src/" in self.path and not self.path.startswith("tests/")

    @property
    def is_test(self) -> bool:
        return self.is_python and self.path.rpartition("/")[2].startswith("test_")

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        return [node for node in ast.walk(self.module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def git(*arguments: str) -> list[str]:
    """Run a git command that prints paths and return them."""
    done = subprocess.run(["git", *arguments, "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.split("\0") if path]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the clone."""
    return ROOT


@pytest.fixture(scope="session")
def files() -> list[Source]:
    """Return every text file that git tracks or would track: all that it does not ignore."""
    paths = sorted(set(git("ls-files", "--cached", "--others", "--exclude-standard")))
    sources = [Source(path) for path in paths if (ROOT / path).is_file() and Path(path).suffix not in BINARY]
    assert len(sources) > 100, "git does not know this tree"
    return sources


@pytest.fixture(scope="session")
def ignored_but_committed() -> list[str]:
    """Return the committed files that .gitignore names."""
    return git("ls-files", "--cached", "--ignored", "--exclude-standard")


@pytest.fixture(scope="session")
def python(files: list[Source]) -> list[Source]:
    """Return every Python file."""
    return [each for each in files if each.is_python]


@pytest.fixture(scope="session")
def shipped(files: list[Source]) -> list[Source]:
    """Return the Python files of the packages."""
    return [each for each in files if each.is_shipped]
