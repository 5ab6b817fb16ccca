"""The `gridcare` command: the whole of Gridcare on this machine."""

import typer

from gridcare_local.cli_demo import demo_app
from gridcare_local.cli_docs import docs_app
from gridcare_local.cli_stack import stack_app
from gridcare_local.cli_tools import tools_app

app = typer.Typer(
    help="Run the whole of Gridcare on this machine: its services on a real PostgreSQL and a real Kafka, its providers "
    "emulated. What it keeps lies in `.local` in the clone.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(demo_app)
app.add_typer(stack_app)
app.add_typer(tools_app)
app.add_typer(docs_app)
