"""The commands that run the main job: `demo` once, `run` and keep the stack, `publish` again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gridcare_local.cli.common import AsJson, called_as, example, plainly, print_json, print_table, this_stack
from gridcare_local.cli.start import bring_up, hold, show_status, stopped_by_signals
from gridcare_local.stack.settings import DEFAULT_HOUR, SETTINGS_FILE, default_root
from gridcare_local.stack.stack import ALL_PARTS, Stack, erase_stack

if TYPE_CHECKING:  # slow to import, and only needed to publish
    from gridcare_local.demo.accounting import Books
    from gridcare_local.demo.site import Site

DEMO_SUPPLY_POINTS = 20_000
SUPPLY_POINTS_MAX = 2_000_000
UNBALANCED = 3

demo_app = typer.Typer()
SupplyPoints = Annotated[int, typer.Option(min=50, max=SUPPLY_POINTS_MAX, help="How large the made-up town is.")]
Seed = Annotated[int, typer.Option(min=0, help="Another seed, another town.")]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds until everybody must have been told.")]


@demo_app.command(epilog=example("gridcare demo", "gridcare demo --supply-points 2000"))
@plainly
def demo(*, supply_points: SupplyPoints = DEMO_SUPPLY_POINTS, seed: Seed = 1, timeout_s: Timeout = 3600) -> None:
    """Run the main job on a stack of its own from start to end; exit status 0 only if the books balance."""
    console = Console()
    root = default_root() / "demo"
    if (root / SETTINGS_FILE).exists():
        erase_stack(root)  # left by a killed run
    stack = Stack(root)
    with stopped_by_signals():
        try:
            bring_up(stack, ALL_PARTS, DEFAULT_HOUR)
            with _steps(console) as bars:
                feeders = _load(stack, supply_points, seed, bars)
            books = _publish(stack, feeders, timeout_s, console, strictly=True)
            _show(books, console)
        finally:
            stack.stop()
    if books.wrong:
        raise typer.Exit(UNBALANCED)


@demo_app.command(epilog=example("gridcare run", "gridcare run --supply-points 5000"))
@plainly
def run(*, supply_points: SupplyPoints = DEMO_SUPPLY_POINTS, seed: Seed = 1, timeout_s: Timeout = 3600) -> None:
    """Run the demo on this clone's stack, print where everything is, and keep it running until Ctrl-C."""
    console = Console()
    stack = this_stack()
    with stopped_by_signals():
        bring_up(stack, ALL_PARTS, DEFAULT_HOUR)
        try:
            with _steps(console) as bars:
                feeders = _load(stack, supply_points, seed, bars)
            show_status(stack, console)
            me = called_as()
            console.print(f"publish another cut: {me} publish", soft_wrap=True)
            console.print(f"a token for the APIs: {me} token planner", soft_wrap=True)
            console.print("stop: Ctrl-C")
            _show(_publish(stack, feeders, timeout_s, console), console)
        except BaseException:
            stack.stop()
            raise
        hold(stack, console)


@demo_app.command(epilog=example("gridcare publish", "gridcare publish --feeder FD1101-001", "gridcare publish --json"))
@plainly
def publish(
    *,
    feeder: Annotated[list[str] | None, typer.Option(help="A feeder to cut; may be repeated. By default all.")] = None,
    timeout_s: Timeout = 3600,
    as_json: AsJson = False,
) -> None:
    """Publish a planned cut on the running stack and wait until all are told; exit status 0 only if the books balance."""
    from gridcare_local.demo.load import loaded_feeders  # noqa: PLC0415 - slow to import, as in the other commands

    stack = this_stack()
    console = Console(stderr=as_json)
    books = _publish(stack, tuple(feeder or loaded_feeders(_site(stack))), timeout_s, console)
    if as_json:
        facts = asdict(books)
        print_json({**facts.pop("notice"), **facts})
    else:
        _show(books, console)
    if books.wrong:
        raise typer.Exit(UNBALANCED)


def _load(stack: Stack, supply_points: int, seed: int, bars: Progress) -> tuple[str, ...]:
    from gridcare_local.demo.load import load_town  # noqa: PLC0415 - slow to import, and other commands do not need it

    task = bars.add_task("loading", total=None)
    town = load_town(
        _site(stack),
        supply_points=supply_points,
        seed=seed,
        canaries=0,
        report=lambda step: bars.update(task, description=step),
    )
    bars.update(
        task, description=f"{supply_points:,} supply points, {town.customers:,} customers", total=1, completed=1
    )
    return town.feeder_ids


def _publish(
    stack: Stack, feeders: tuple[str, ...], timeout_s: float, console: Console, *, strictly: bool = False
) -> "Books":
    """Publish, show progress on `console`, and balance the books. With `strictly`, no part may die meanwhile."""
    from gridcare_local.demo.accounting import balance  # noqa: PLC0415 - as above
    from gridcare_local.demo.cut import publish_cut  # noqa: PLC0415 - as above

    with _steps(console) as bars:
        task = bars.add_task("telling every affected customer", total=None)
        site = _site(stack)

        def watch(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of)
            if strictly:
                site.check_alive()

        notice = publish_cut(site, feeders, timeout_s=timeout_s, watch=watch)
    return balance(site, notice)


def _site(stack: Stack) -> "Site":
    from gridcare_local.demo.site import StackSite  # noqa: PLC0415 - as above

    return StackSite(stack)


def _show(books: "Books", console: Console) -> None:
    notice = books.notice
    table = Table("", "deliveries", box=None)
    for state, count in sorted(notice.states.items(), key=lambda each: -each[1]):
        if count:
            table.add_row(state, f"{count:,}")
    table.add_row("[bold]audience[/bold]", f"[bold]{notice.audience:,}[/bold]")
    for channel, count in sorted(notice.channels.items()):
        table.add_row(f"over {channel}", f"{count:,}")
    console.print(f"notice {notice.notice_id}", soft_wrap=True)
    print_table(console, table)
    console.print(
        f"FCM accepted {books.pushes_accepted:,} pushes (and {books.pushes_repeated:,} repeats under the same tag); "
        f"Twilio accepted {books.texts_accepted:,} SMS of {books.segments:,} segments; {notice.seconds:.1f} s in all",
        soft_wrap=True,
    )
    for wrong in books.wrong:
        console.print(f"[red]wrong:[/red] {wrong}")
    console.print("[red]the books do not balance[/red]" if books.wrong else "[green]the books balance[/green]")


@contextmanager
def _steps(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        yield bars
