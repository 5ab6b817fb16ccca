"""The `gridcare` command, called as by a user."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import jwt
import pytest
import typer
from typer.testing import CliRunner

from gridcare_local.cli.main import app
from gridcare_local.stack.catalog import Catalog
from gridcare_local.stack.settings import StackSettings

COMMAND = [Path(sys.executable).with_name("gridcare")]
COMMANDS = sorted(typer.main.get_command(app).commands)
DEADLINE_S = 60


@pytest.fixture
def environment(tmp_path):
    """Return variables that give the command a stack for this test only."""
    return {"GRIDCARE_LOCAL_DIR": str(tmp_path / "local"), "COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture
def gridcare(environment):
    """Yield a function that calls the command on this test's stack, which is stopped at the end."""

    def call(*words):
        return CliRunner().invoke(app, words, env=environment)

    yield call
    call("stop")


@pytest.fixture
def held_up(environment, gridcare):
    """Yield a function that starts the command as a process, killed at the end, and returns it when it is ready."""
    with ExitStack() as ends:

        def start(*words, launcher=()):
            command = [*launcher, *COMMAND, *words]
            held = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
            ends.enter_context(held)  # closes its pipe and waits for it
            ends.callback(held.kill)
            with _killed_at(held, DEADLINE_S):
                assert any("Ctrl-C" in line for line in held.stdout), f"it ended, or was not up after {DEADLINE_S} s"
            return held

        yield start


@contextmanager
def _killed_at(process, deadline_s):
    """Kill a process at a deadline, so that a reader of its output does not wait for ever."""
    timer = threading.Timer(deadline_s, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example(name):
    """Each command's help ends with an example of that command."""
    epilog = typer.main.get_command(app).commands[name].epilog
    assert re.search(rf"Example:  gridcare {name}\b", epilog)


@pytest.mark.server
def test_life_of_a_detached_stack(gridcare):
    """`start --detach`, `status`, `kill`, `restart`, `logs` and `stop` work."""
    assert gridcare("start", "postgres", "twilio", "--detach").exit_code == 0
    assert len(re.findall(r"(postgres|twilio) +ready", gridcare("status").stdout)) == 2
    assert "is running" in gridcare("start").output
    assert gridcare("kill", "twilio").stdout == "twilio is killed\n"
    assert re.search(r"twilio +stopped", gridcare("status").stdout)
    assert gridcare("restart", "twilio").stdout == "twilio is ready\n"
    assert "PostgreSQL 18" in gridcare("logs", "postgres").stdout
    assert "twilio is stopped" in gridcare("stop").stdout
    assert "ready" not in gridcare("status").stdout


SIGINT_IGNORED = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
"""How a shell without job control starts a program in the background."""


@pytest.mark.server
@pytest.mark.parametrize("launcher", [(), SIGINT_IGNORED], ids=["at-a-terminal", "in-the-background"])
def test_ctrl_c_stops_everything(gridcare, held_up, launcher):
    """In the foreground, the stack runs until Ctrl-C, is then stopped, and the exit status is 0."""
    held = held_up("start", "twilio", launcher=launcher)
    assert re.search(r"twilio +ready", gridcare("status").stdout)
    held.send_signal(signal.SIGINT)
    output, _ = held.communicate(timeout=DEADLINE_S)
    assert "twilio is stopped" in output
    assert held.returncode == 0


def test_unknown_part_is_refused(gridcare):
    """An unknown name is refused with a list of the known ones."""
    refused = gridcare("restart", "kafak")
    assert refused.exit_code == 1
    assert "no part 'kafak'" in refused.output
    assert "outage-notifier-sender" in refused.output


def test_impossible_hour_is_refused(gridcare):
    """An impossible hour is refused before anything starts."""
    refused = gridcare("start", "twilio", "--at", "25:00")
    assert refused.exit_code != 0
    assert "HH:MM" in refused.output


def fetch(url):
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the emulator's address
        return json.load(answer)


@pytest.mark.server
def test_token_is_the_issuers(gridcare):
    """A token has the requested claims and is signed with a key that the running issuer publishes."""
    assert "gridcare start" in gridcare("token", "planner").output
    assert gridcare("start", "oidc", "--detach").exit_code == 0
    token = gridcare("token", "customer", "--code", "PB11010012345", "--subject", "someone").output.strip()
    discovery = fetch(re.search(r"http://\S+configuration", gridcare("status").output)[0])
    keys = jwt.PyJWKSet.from_dict(fetch(discovery["jwks_uri"]))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, ["RS256"], audience="repair-intake", issuer=discovery["issuer"])
    assert (claims["sub"], claims["roles"], claims["customer_codes"]) == ("someone", ["customer"], ["PB11010012345"])


def test_environment_is_a_shells(gridcare, environment):
    """A shell that evaluates the output has the settings of the process; an unknown name is refused."""
    settings = StackSettings.load(Path(environment["GRIDCARE_LOCAL_DIR"]))
    settings.addresses = {"repair_intake": "postgresql://a:b@localhost/c?d=e&f=g h", "kafka": "localhost:9092"}
    Catalog(settings).claim_ports(["repair-intake-worker"])
    printed = gridcare("environment", "repair-intake-worker").stdout
    shell = ["sh", "-c", f"{printed}\nenv"]
    done = subprocess.run(shell, stdout=subprocess.PIPE, text=True, check=True, env={"PATH": os.environ["PATH"]})
    assert "GRIDCARE_DATABASE_URL=postgresql://a:b@localhost/c?d=e&f=g h\n" in done.stdout
    assert "no process of a service" in gridcare("environment", "repair-intake-relay").output


@pytest.mark.server
def test_outboxes_count_what_was_accepted(gridcare):
    """The accepted messages are counted in the journal, whether the emulator runs or not."""
    assert gridcare("start", "twilio", "--detach").exit_code == 0
    assert re.search(r"twilio +0 +http://\S+/_emulator/outbox", gridcare("outboxes").output)
    assert gridcare("kill", "twilio").exit_code == 0
    assert re.search(r"twilio +0 ", gridcare("outboxes").output)


def test_data_is_written(gridcare, tmp_path):
    """Demo data of the requested size is in the files that the command prints."""
    called = gridcare("data", "--supply-points", "200", "--format", "jsonl", "--directory", str(tmp_path / "data"))
    written = [Path(line) for line in called.output.splitlines() if line.endswith(".jsonl")]
    assert "supply_points.jsonl" in {path.name for path in written}
    assert all(path.exists() for path in written)
    assert len((tmp_path / "data" / "supply_points.jsonl").read_text().splitlines()) == 200
