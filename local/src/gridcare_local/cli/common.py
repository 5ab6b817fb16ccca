"""What all commands of `gridcare` share."""

from collections.abc import Callable
from functools import wraps
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
            command(*args, **kwargs)
        except LocalStackError as error:
            Console(stderr=True, highlight=False).print(f"gridcare: {error}", markup=False, soft_wrap=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return run


def this_stack() -> Stack:
    """Open the stack of this clone."""
    return Stack(default_root())
