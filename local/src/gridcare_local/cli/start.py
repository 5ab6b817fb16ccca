"""Starts the stack, shows where everything is, and keeps it until a signal."""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from gridcare_local.cli.common import called_as, interrupted_by, print_table
from gridcare_local.stack.parts import Part
from gridcare_local.stack.stack import Stack, StartOptions
from gridcare_local.stack.status import PartStatus, look

LOOK_INTERVAL_S = 1.0


def bring_up(stack: Stack, names: tuple[str, ...], hour: str) -> None:
    """Start the parts with a progress bar. A user's first start also shows the fetching of Kafka."""
    import structlog  # noqa: PLC0415 - slow to import, and other commands do not need it

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
    )  # the progress bar is enough
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        starting = bars.add_task("starting", total=len(names))
        fetching = bars.add_task("fetching Apache Kafka (once)", total=None, visible=False)

        def report(step: str) -> None:
            if step.endswith("is ready"):
                bars.advance(starting)
            bars.update(starting, description=step)

        def progress(done: int, of: int) -> None:
            bars.update(fetching, completed=done, total=of, visible=done < of)

        stack.start(StartOptions(names=names, hour=hour, report=report, progress=progress))


def hold(stack: Stack, console: Console) -> None:
    """Wait for Ctrl-C or SIGTERM, reporting parts that die, and then stop everything."""
    told: set[int] = set()
    living: dict[str, int] = {}
    try:
        while True:
            time.sleep(LOOK_INTERVAL_S)
            for part in stack.parts():
                _tell_of_death(part, living, told, console)
    except KeyboardInterrupt:
        console.print("stopping")
        with _deaf():
            stack.stop(console.print)


def _tell_of_death(part: Part, living: dict[str, int], told: set[int], console: Console) -> None:
    running = part.running()
    if running is not None:
        living[part.name] = running.pid
        return
    pid = living.get(part.name)
    if pid is not None and pid not in told:
        told.add(pid)
        console.print(f"{part.name} (process {pid}) is dead: {called_as()} restart {part.name}", soft_wrap=True)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Make SIGTERM and SIGHUP (the terminal is closed) stop the stack like Ctrl-C.

    An ignored SIGHUP stays ignored: under nohup, the stack should outlive the terminal.
    """
    outlives_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    with interrupted_by(signal.SIGTERM, *(() if outlives_terminal else (signal.SIGHUP,))):
        yield


@contextmanager
def _deaf() -> Iterator[None]:
    """Ignore further signals, so that a second Ctrl-C does not interrupt the stop, which has its own deadlines."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def show_status(stack: Stack, console: Console) -> None:
    """Print a table of all parts."""
    table = Table("part", "state", "pid", "up", "look at", "health and metrics", box=None)
    for status in look(stack):
        pid = str(status.pid or "")
        table.add_row(status.name, _coloured(status), pid, _age(status), status.url, status.health)
    print_table(console, table)


def _coloured(status: PartStatus) -> str:
    colour = {"ready": "green", "not ready": "yellow", "stopped": "red"}[status.state]
    return f"[{colour}]{status.state}[/{colour}]"


def _age(status: PartStatus) -> str:
    if status.pid is None:
        return ""
    minutes, seconds = divmod(int(status.running_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
