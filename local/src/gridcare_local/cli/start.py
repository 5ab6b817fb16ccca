"""`gridcare start`: bring the stack up, show where everything is, hold it until told to stop."""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from gridcare_local.cli.common import interrupted_by
from gridcare_local.stack.parts import Part
from gridcare_local.stack.stack import Stack, StartOptions
from gridcare_local.stack.status import PartStatus, look

LOOK_INTERVAL_S = 1.0


def bring_up(stack: Stack, names: tuple[str, ...], hour: str) -> None:
    """Start the parts behind a progress bar; a first start shows the fetching of Kafka too."""
    import structlog  # noqa: PLC0415 - slow to import, and no other command has a use for it

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # the bar says it all
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
    """Wait for Ctrl-C or SIGTERM, saying so when a part dies; then stop everything."""
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
        console.print(f"{part.name} (process {pid}) is dead: gridcare restart {part.name}")


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Make SIGTERM and SIGHUP (the terminal is closed) stop the stack as Ctrl-C does.

    A SIGHUP that is ignored stays so: whoever starts us under nohup wants us to outlive the terminal.
    """
    outlives_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    with interrupted_by(signal.SIGTERM, *(() if outlives_terminal else (signal.SIGHUP,))):
        yield


@contextmanager
def _deaf() -> Iterator[None]:
    """Let a second Ctrl-C not tear a stop in two: every part of it has its own deadline."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def show_status(stack: Stack, console: Console) -> None:
    """Print a table of all parts."""
    table = Table("part", "state", "pid", "up", box=None)
    table.add_column("where", overflow="fold")
    for status in look(stack):
        table.add_row(status.name, _coloured(status), str(status.pid or ""), _age(status), status.url)
    console.print(table)


def _coloured(status: PartStatus) -> str:
    colour = {"ready": "green", "not ready": "yellow", "stopped": "red"}[status.state]
    return f"[{colour}]{status.state}[/{colour}]"


def _age(status: PartStatus) -> str:
    if status.pid is None:
        return ""
    minutes, seconds = divmod(int(status.running_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
