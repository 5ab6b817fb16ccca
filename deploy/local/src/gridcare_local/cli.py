"""The `gridcare` command: the whole of Gridcare on this machine."""

import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console

from gridcare_local.cli_start import bring_up, hold, show_status, stopped_by_signals
from gridcare_local.errors import LocalStackError
from gridcare_local.processes import tail
from gridcare_local.stack import ALL_PARTS, Stack
from gridcare_local.stack_settings import DEFAULT_HOUR, default_root, parse_hour

OWNER_STOP_GRACE_S = 120.0
FOLLOW_INTERVAL_S = 0.2
LINES_DEFAULT = 50

P = ParamSpec("P")

app = typer.Typer(
    help="Run the whole of Gridcare on this machine: its services on a real PostgreSQL and a real Kafka, its providers "
    "emulated. What it keeps lies in `.local` in the clone.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


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
            raise typer.Exit(130) from None

    return run


def _complete(given: list[str] | None) -> tuple[str, ...]:
    return tuple(given) if given else ALL_PARTS


def _stack() -> Stack:
    return Stack(default_root())


def _an_hour(given: str) -> str:
    try:
        parse_hour(given)
    except ValueError:
        raise typer.BadParameter("not HH:MM, between 00:00 and 23:59") from None
    return given


Part = Annotated[str, typer.Argument(help="The part, as `gridcare status` names it.", metavar="NAME")]


@app.command(epilog=example("gridcare start", "gridcare start --detach", "gridcare start postgres kafka"))
@plainly
def start(
    names: Annotated[list[str] | None, typer.Argument(help="Only these parts; all when none is named.")] = None,
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running and return.")] = False,
    at: Annotated[
        str, typer.Option("--at", callback=_an_hour, help="What the clock shows in Can Tho at the start, HH:MM.")
    ] = DEFAULT_HOUR,
) -> None:
    """Start everything, show where it is, and stop it at Ctrl-C.

    With GRIDCARE_POSTGRES_URL (an administrator's address) or GRIDCARE_KAFKA_BOOTSTRAP set, your own servers are used.
    """
    console, stack = Console(), _stack()
    with stopped_by_signals():
        bring_up(stack, _complete(names), at, console)
        show_status(stack, console)
        if detach:
            stack.detach()
            return
        console.print("Ctrl-C stops it all.")
        hold(stack, console)


@app.command(epilog=example("gridcare stop"))
@plainly
def stop() -> None:
    """Stop everything, whichever terminal started it."""
    stack = _stack()
    owner = stack.owner()
    if owner is not None:
        owner.stop(grace_s=OWNER_STOP_GRACE_S)  # it stops its parts itself
    stack.stop(Console().print)


@app.command(epilog=example("gridcare status"))
@plainly
def status() -> None:
    """Show every part: whether it is ready, its process, and where to look at it."""
    show_status(_stack(), Console())


@app.command(epilog=example("gridcare restart kafka", "gridcare restart outage-notifier-sender"))
@plainly
def restart(name: Part) -> None:
    """Restart one part, or start it again when it is dead, on the same port and data."""
    _stack().restart(name)
    Console().print(f"{name} is ready")


@app.command(epilog=example("gridcare kill outage-notifier-sender"))
@plainly
def kill(name: Part) -> None:
    """Kill one part with SIGKILL, as a crash would; `gridcare restart NAME` starts it again."""
    _stack().kill(name)
    Console().print(f"{name} is killed")


@app.command(epilog=example("gridcare logs kafka", "gridcare logs outage-notifier-api --follow"))
@plainly
def logs(
    name: Part,
    *,
    lines: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines.")] = LINES_DEFAULT,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as lines are written, until Ctrl-C.")] = False,
) -> None:
    """Print the end of a part's log."""
    log = _stack().part(name).log
    if not log.exists():
        raise LocalStackError(f"{name} has written no log yet ({log})")
    position = log.stat().st_size
    sys.stdout.write(tail(log, lines_max=lines) + "\n")
    if follow:
        _follow(log, position)


def _follow(log: Path, position: int) -> None:
    while True:
        time.sleep(FOLLOW_INTERVAL_S)
        with log.open("rb") as file:
            file.seek(position)
            fresh = file.read()
        position += len(fresh)
        sys.stdout.write(fresh.decode(errors="replace"))
        sys.stdout.flush()
