"""The commands that start, stop and show the stack."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gridcare_local.cli.common import AsJson, example, plainly, print_json, this_stack
from gridcare_local.cli.start import bring_up, hold, show_status, stopped_by_signals
from gridcare_local.errors import LocalStackError
from gridcare_local.servers.processes import tail
from gridcare_local.stack.settings import DEFAULT_HOUR, parse_hour
from gridcare_local.stack.stack import ALL_PARTS
from gridcare_local.stack.status import look

OWNER_STOP_GRACE_S = 120.0
FOLLOW_INTERVAL_S = 0.2
LINES_DEFAULT = 50

stack_app = typer.Typer()


def _an_hour(given: str) -> str:
    try:
        parse_hour(given)
    except ValueError:
        raise typer.BadParameter("not HH:MM, between 00:00 and 23:59") from None
    return given


def _part_names(incomplete: str) -> list[str]:
    return [name for name in ALL_PARTS if name.startswith(incomplete)]


Part = Annotated[
    str,
    typer.Argument(help="The part, as `gridcare status` names it.", metavar="NAME", autocompletion=_part_names),
]


@stack_app.command(epilog=example("gridcare start", "gridcare start --detach", "gridcare start postgres kafka"))
@plainly
def start(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Only these parts; all when none is named.", autocompletion=_part_names),
    ] = None,
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running and return.")] = False,
    at: Annotated[
        str, typer.Option("--at", callback=_an_hour, help="What the clock shows in Can Tho at the start, HH:MM.")
    ] = DEFAULT_HOUR,
) -> None:
    """Start everything, show where it is, and stop it at Ctrl-C.

    With GRIDCARE_POSTGRES_URL (an administrator's address) or GRIDCARE_KAFKA_BOOTSTRAP set, your own servers are used.
    """
    console, stack = Console(), this_stack()
    with stopped_by_signals():
        bring_up(stack, tuple(names) if names else ALL_PARTS, at)
        if detach:
            stack.detach()
            show_status(stack, console)
            return
        try:
            show_status(stack, console)
        except BaseException:
            stack.stop()
            raise
        console.print("Ctrl-C stops it all.")
        hold(stack, console)


@stack_app.command(epilog=example("gridcare stop"))
@plainly
def stop() -> None:
    """Stop everything, whichever terminal started it."""
    stack = this_stack()
    owner = stack.owner()
    if owner is not None:
        owner.stop(grace_s=OWNER_STOP_GRACE_S)  # it stops its own parts
    stack.stop(Console().print)


@stack_app.command(epilog=example("gridcare status", "gridcare status --json"))
@plainly
def status(*, as_json: AsJson = False) -> None:
    """Show every part: whether it is ready, its process, where to look at it, and where its health and metrics are.

    Health and metrics are `/livez`, `/readyz` and `/metrics` under the address shown.
    """
    stack = this_stack()
    if as_json:
        print_json([asdict(part) | {"log": str(part.log)} for part in look(stack)])
        return
    show_status(stack, Console())


@stack_app.command(epilog=example("gridcare restart kafka", "gridcare restart outage-notifier-sender"))
@plainly
def restart(name: Part) -> None:
    """Restart one part, or start it again when it is dead, on the same port and data."""
    this_stack().restart(name)
    Console().print(f"{name} is ready")


@stack_app.command(epilog=example("gridcare kill outage-notifier-sender"))
@plainly
def kill(name: Part) -> None:
    """Kill one part with SIGKILL, as a crash would; `gridcare restart NAME` starts it again."""
    this_stack().kill(name)
    Console().print(f"{name} is killed")


@stack_app.command(epilog=example("gridcare logs kafka", "gridcare logs outage-notifier-api --follow"))
@plainly
def logs(
    name: Part,
    *,
    lines: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines.")] = LINES_DEFAULT,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as lines are written, until Ctrl-C.")] = False,
) -> None:
    """Print the end of a part's log."""
    log = this_stack().part(name).log
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
