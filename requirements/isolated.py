"""Run each service's unit tests in an environment with only what its image holds and the test tools.

The environments are in `.local/isolated/<service>`. Hashes are checked as in an image. Only tests that need no server
run.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SERVICES = ("outage-notifier", "repair-intake", "billing-gateway")
TOOLS = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis", "smsutil")
UV = Path(sys.executable).parent / "uv"
PLUGIN = Path(__file__).with_name("units.py")


def environment(service: str) -> Path:
    """Create or update a service's environment and return its Python."""
    home = ROOT / ".local/isolated" / service
    python = home / "bin/python"
    uv(*("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(home)))
    pip = ("pip", "install", "--quiet", "--python", str(python))
    uv("pip", "sync", "--quiet", "--require-hashes", "--python", str(python), f"requirements/{service}.txt")
    uv(*pip, "--no-deps", "-e", "shared", "-e", f"services/{service}")
    uv(*pip, "--constraint", "requirements/dev.txt", *TOOLS)
    return python


def uv(*arguments: str) -> None:
    """Run uv in the repository. Raises CalledProcessError."""
    subprocess.run([UV, *arguments], cwd=ROOT, check=True)  # noqa: S603 - our own arguments


def unit_tests(service: str) -> int:
    """Run the tests of a service that need neither a server nor a helper, and return pytest's exit status."""
    folder = f"services/{service}/tests"
    options = ("-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", PLUGIN.stem, folder)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("GRIDCARE_", "PYTHON"))}
    variables["PYTHONPATH"] = str(PLUGIN.parent)
    done = subprocess.run([environment(service), *options], cwd=ROOT, env=variables, check=False)  # noqa: S603 - our own arguments
    return done.returncode


def main() -> int:
    """Test every service and return 0 if all pass."""
    return max(unit_tests(service) for service in SERVICES)


if __name__ == "__main__":
    sys.exit(main())
