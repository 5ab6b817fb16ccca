"""Helpers of all commands of `gridcare`."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.table import Table

from gridcare_local.errors import LocalStackError
from gridcare_local.stack.settings import default_root
from gridcare_local.stack.stack import Stack

INTERRUPTED = 130  # what shells report for a program stopped by Ctrl-C
WIDTH_MAX = 10_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]

P = ParamSpec("P")


def example(*lines: str) -> str:
    """Return the example for the end of a command's help."""
    return "Example:  " + "   ·   ".join(lines)


def called_as() -> str:
    """Return the command as it was called, so that printed commands can be pasted."""
    return sys.argv[0]


def plainly(command: Callable[P, None]) -> Callable[P, None]:
    """Turn LocalStackError into a message and exit status 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with interrupted_by(signal.SIGINT):
                command(*args, **kwargs)
        except LocalStackError as error:
            Console(stderr=True, highlight=False).print(f"gridcare: {error}", markup=False, soft_wrap=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return run


@contextmanager
def interrupted_by(*numbers: signal.Signals) -> Iterator[None]:
    """Raise KeyboardInterrupt in the block when one of these signals arrives, whatever its handling was before.

    Python does so for SIGINT by default, but not if it was started with SIGINT ignored, which is how a shell without
    job control (a script, a CI runner) starts background jobs.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def print_table(console: Console, table: Table) -> None:
    """Print a table without wrapping cells, so that addresses can be copied. A narrow terminal wraps the lines."""
    former = console.width
    console.width = WIDTH_MAX
    try:
        console.width = max(former, console.measure(table).maximum)
        console.print(table)
    finally:
        console.width = former


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def this_stack() -> Stack:
    """Return the stack of this clone."""
    return Stack(default_root())
