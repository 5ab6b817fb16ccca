"""The command that writes the generated documents."""

from pathlib import Path
from typing import Annotated

import typer

from gridcare_local.cli.common import example, plainly
from gridcare_local.stack.settings import clone_root

docs_app = typer.Typer()


@docs_app.command(epilog=example("gridcare docs", "gridcare docs --directory /tmp/docs"))
@plainly
def docs(
    *,
    directory: Annotated[Path | None, typer.Option(help="Where to; by default `docs` of the clone.")] = None,
) -> None:
    """Write the OpenAPI and AsyncAPI documents and the events' JSON Schemas, generated from the code."""
    from gridcare_local.documents.write import write_documents  # noqa: PLC0415 - it imports the services; other commands start faster

    for path in write_documents(directory or clone_root() / "docs"):
        typer.echo(str(path))
