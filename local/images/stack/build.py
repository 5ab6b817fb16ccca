"""Build the image local-stack: `python local/images/stack/build.py TAG [docker build's options]`."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gridcare_local.servers.kafka.jars import ensure_jars

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CONTENTS = ("requirements", "shared", "services", "local")
LEFT_OUT = ("tests", "__pycache__", "*.egg-info", ".*")


def main(tag: str, options: list[str]) -> int:
    """Build gridcare/local-stack:`tag` with Docker and return its exit status."""
    with tempfile.TemporaryDirectory(prefix="gridcare-stack-") as folder:
        context = Path(folder)
        for name in CONTENTS:
            shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (context / "jars").mkdir()
        for jar in ensure_jars():
            shutil.copy(jar, context / "jars")
        command = [
            "docker",
            "build",
            "--file",
            HERE / "Dockerfile",
            "--tag",
            f"gridcare/local-stack:{tag}",
            *options,
            context,
        ]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
