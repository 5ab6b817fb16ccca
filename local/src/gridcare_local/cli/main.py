"""The `gridcare` command: all of Gridcare on this machine."""

from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from typer.main import get_command

from gridcare_local.cli.common import example
from gridcare_local.cli.demo import demo_app
from gridcare_local.cli.docs import docs_app
from gridcare_local.cli.stack import stack_app
from gridcare_local.cli.tools import tools_app

app = typer.Typer(
    help="Run the whole of Gridcare on this machine: its services on a real PostgreSQL and a real Kafka, its providers "
    "emulated. What it keeps lies in `.local` in the clone.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(demo_app)
app.add_typer(stack_app)
app.add_typer(tools_app)
app.add_typer(docs_app)


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - how typer calls it
    if wanted:
        typer.echo(f"gridcare {version('gridcare-local')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options before a command."""


@app.command("help", epilog=example("gridcare help"))
def show_help() -> None:
    """Show each command with an example of its use."""
    table = Table("command", "what it does", "for example", box=None, padding=(0, 2, 0, 0))
    commands = getattr(get_command(app), "commands", {})
    for name, command in commands.items():
        says = (command.help or "").partition("\n\n")[0]
        shown = (command.epilog or "").removeprefix("Example:  ").replace("   ·   ", "\n")
        table.add_row(name, says, shown)
    Console().print(table)
