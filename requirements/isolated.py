"""Run each service's unit tests in that service's own environment: only what its image holds, and the tools of tests.

The environments lie in `.local/isolated/<service>`; hashes are checked as in an image. No server is started: what runs are
the tests that need none.
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
    """Make or renew a service's environment; return its Python."""
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
    """Run the tests of a service that start no server and need no helper; return pytest's exit status."""
    folder = f"services/{service}/tests"
    asked = ("-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", "-p", PLUGIN.stem, folder)
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("GRIDCARE_", "PYTHON"))}
    quiet["PYTHONPATH"] = str(PLUGIN.parent)
    done = subprocess.run([environment(service), *asked], cwd=ROOT, env=quiet, check=False)  # noqa: S603 - our own arguments
    return done.returncode


def main() -> int:
    """Test every service; 0 when all pass."""
    return max(unit_tests(service) for service in SERVICES)


if __name__ == "__main__":
    sys.exit(main())
