"""The output of the `gridcare` command: addresses that can be copied, JSON for scripts, completions for shells."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from gridcare_local.cli.common import print_table
from gridcare_local.cli.main import app

LONG = "http://127.0.0.1:12345/_emulator/outbox"


@pytest.fixture
def environment(tmp_path):
    """Return variables that give the command a stack for this test only and a narrow terminal."""
    return {"GRIDCARE_LOCAL_DIR": str(tmp_path / "local"), "COLUMNS": "40", "NO_COLOR": "1"}


@pytest.fixture
def gridcare(environment):
    """Yield a function that calls the command while the emulators of the issuer and of FCM run."""

    def call(*words):
        return CliRunner().invoke(app, words, env=environment)

    assert call("start", "oidc", "fcm", "--detach").exit_code == 0
    yield call
    call("stop")


def test_cells_are_never_wrapped(capsys):
    """On a narrow terminal, table lines are longer than its width, which is unchanged afterwards."""
    table = Table("name", "where", box=None)
    table.add_row("fcm", LONG)
    console = Console(width=20)
    print_table(console, table)
    assert any(line.endswith(LONG) for line in map(str.rstrip, capsys.readouterr().out.splitlines()))
    assert console.width == 20


def test_output_for_scripts(gridcare):
    """With `--json`, `status`, `outboxes` and `token` print only JSON, with the same facts as without."""
    status = json.loads(gridcare("status", "--json").stdout)
    (fcm,) = [part for part in status if part["name"] == "fcm"]
    assert fcm["state"] == "ready"
    assert f" {fcm['url']}" in gridcare("status").stdout
    (_, outbox) = json.loads(gridcare("outboxes", "--json").stdout)
    assert outbox == {"provider": "fcm", "accepted": 0, "url": fcm["url"]}
    token = json.loads(gridcare("token", "planner", "--hours", "2", "--json").stdout)
    assert token["expires_in"] == 7200
    assert token["claims"]["roles"] == ["planner"]
    assert token["access_token"].count(".") == 2


def test_version_is_said():
    """`--version` prints the package's version."""
    assert CliRunner().invoke(app, ["--version"]).stdout == f"gridcare {version('gridcare-local')}\n"


def test_shell_completes_parts(environment):
    """Shell completion of a part's name returns the names with that prefix."""
    words = {
        "_GRIDCARE_COMPLETE": "complete_bash",
        "COMP_WORDS": "gridcare restart outage-notifier-s",
        "COMP_CWORD": "2",
    }
    command = [Path(sys.executable).with_name("gridcare")]
    done = subprocess.run(command, env=environment | words, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["outage-notifier-sender"]
