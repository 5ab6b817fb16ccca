"""Further commands: tokens, what the emulated providers accepted, settings of a process, demo data."""

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gridcare_local.cli.common import AsJson, example, plainly, print_json, print_table, this_stack
from gridcare_local.errors import LocalStackError
from gridcare_local.stack.catalog import EMULATORS, NO_OUTBOX, SERVICES

DEMO_SUPPLY_POINTS = 20_000
SUPPLY_POINTS_MAX = 10_000_000
HOUR_S = 3600

tools_app = typer.Typer()


class Role(StrEnum):
    """The roles of a token."""

    CUSTOMER = "customer"
    PLANNER = "planner"
    DISPATCHER = "dispatcher"
    TEAM = "team"
    CASHIER = "cashier"
    ACCOUNTANT = "accountant"
    OPS = "ops"


class FileFormat(StrEnum):
    """The format of supply points and contacts."""

    CSV = "csv"
    JSONL = "jsonl"


@tools_app.command(
    epilog=example(
        "gridcare token planner",
        "gridcare token customer --code PB11010012345",
        "gridcare token team --team PB1101",
        "gridcare token ops --json",
    )
)
@plainly
def token(
    role: Annotated[Role, typer.Argument(help="What its bearer may do.")],
    *,
    code: Annotated[list[str] | None, typer.Option(help="A customer code of the bearer's; may be repeated.")] = None,
    team: Annotated[str | None, typer.Option(help="The team that the bearer works in.")] = None,
    subject: Annotated[str | None, typer.Option(help="Who the bearer is; by default the role's name.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=24 * 30, help="How long it is valid.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Print an access token for all three services, signed by the stack's OIDC emulator.

    Use it as in: curl -H "Authorization: Bearer $(gridcare token planner)" …
    """
    from gridcare_local.emulators.oidc.keys import mint  # noqa: PLC0415 - slow to import, and no other command needs it

    stack = this_stack()
    state_dir = stack.catalog.emulator_dir("oidc")
    if "oidc" not in stack.settings.ports or not (state_dir / "keys.json").exists():
        raise LocalStackError("the issuer has no keys yet: run `gridcare start` first")
    claims: dict[str, object] = {
        "sub": subject or f"local-{role}",
        "aud": list(SERVICES),
        "roles": [role.value],
        "customer_codes": code or [],
    }
    if team is not None:
        claims["team_id"] = team
    minted = mint(state_dir, stack.catalog.emulator_url("oidc"), claims, lifetime_s=hours * HOUR_S)
    if as_json:
        print_json({"access_token": minted, "token_type": "Bearer", "expires_in": hours * HOUR_S, "claims": claims})
    else:
        typer.echo(minted)


@tools_app.command(epilog=example("gridcare outboxes", "gridcare outboxes --json"))
@plainly
def outboxes(*, as_json: AsJson = False) -> None:
    """Show how many messages each emulated provider accepted, and the page where to read them."""
    stack = this_stack()
    rows = [
        {
            "provider": name,
            "accepted": _accepted(stack.catalog.emulator_dir(name)),
            "url": stack.catalog.emulator(name).url,
        }
        for name in EMULATORS
        if name not in NO_OUTBOX and name in stack.settings.ports
    ]
    if not rows:
        raise LocalStackError("no provider has run yet: run `gridcare start` first")
    if as_json:
        print_json(rows)
        return
    table = Table("provider", "accepted", "read them at", box=None)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    print_table(Console(), table)


def _accepted(state_dir: Path) -> int:
    """Count the accepted messages in the journal, which exists even if the emulator does not run."""
    import msgspec  # noqa: PLC0415 - only this command reads a journal

    from gridcare_local.emulators.journal import read_lines  # noqa: PLC0415 - as above

    journal = state_dir / "journal.jsonl"
    if not journal.exists():
        return 0
    return sum(msgspec.json.decode(line)["kind"] == "accepted" for line in read_lines(journal))


@tools_app.command(epilog=example("gridcare environment outage-notifier-worker"))
@plainly
def environment(
    name: Annotated[str, typer.Argument(help="A service's process, as `gridcare status` names it.", metavar="NAME")],
) -> None:
    """Print the settings of a service's process as lines for a shell, to run it by hand, under a debugger for example.

    Use it as in: eval "$(gridcare environment outage-notifier-worker)"
    """
    stack = this_stack()
    if not stack.settings.addresses or f"{name}.health" not in stack.settings.ports:
        raise LocalStackError(f"{name} is no process of a service that was started before: see `gridcare status`")
    for variable, value in sorted(stack.catalog.service_part(name).environment.items()):
        typer.echo(f"export {variable}={shlex.quote(value)}")


@tools_app.command(epilog=example("gridcare data", "gridcare data --supply-points 200 --format jsonl"))
@plainly
def data(
    *,
    supply_points: Annotated[int, typer.Option(min=1, max=SUPPLY_POINTS_MAX, help="How many.")] = DEMO_SUPPLY_POINTS,
    directory: Annotated[Path | None, typer.Option(help="Where to; by default `data` in the stack's folder.")] = None,
    file_format: Annotated[FileFormat, typer.Option("--format", help="csv or jsonl.")] = FileFormat.CSV,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another world; the same seed, the same bytes.")] = 1,
    canaries: Annotated[int, typer.Option(min=0, help="How many recognisable phones and names to mix in.")] = 0,
) -> None:
    """Write demo data: supply points, contacts, devices, teams and the grid of Can Tho's 103 wards."""
    from gridcare_local.town.write import write_demo_data  # noqa: PLC0415 - slow to import, and no other command needs it

    target = directory or this_stack().root / "data"
    with Progress(transient=True, console=Console(stderr=True)) as bars:
        task = bars.add_task("supply points", total=supply_points)
        try:
            manifest = write_demo_data(
                target,
                supply_points=supply_points,
                seed=seed,
                formats=[file_format.value],
                canaries=canaries,
                on_progress=lambda done: bars.update(task, completed=done),
            )
        except (ValueError, OSError) as error:
            raise LocalStackError(str(error)) from error
    for name in manifest.files:
        typer.echo(str(target / name))
