"""What all commands of `gridcare` share."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import ParamSpec

import typer
from rich.console import Console

from gridcare_local.errors import LocalStackError
from gridcare_local.stack.settings import default_root
from gridcare_local.stack.stack import Stack

INTERRUPTED = 130  # as shells report a program ended by Ctrl-C

P = ParamSpec("P")


def example(*lines: str) -> str:
    """Format the example under a command's help."""
    return "Example:  " + "   ·   ".join(lines)


def plainly(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that a person can do something about into one message and exit status 1."""

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
    """Raise KeyboardInterrupt in the block when one of these signals comes, whatever was to happen on it before.

    Python does so on SIGINT by itself, but not where it was started with SIGINT ignored: a shell without job control
    (a script, a CI runner) starts so what it puts in the background.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def this_stack() -> Stack:
    """Open the stack of this clone."""
    return Stack(default_root())
