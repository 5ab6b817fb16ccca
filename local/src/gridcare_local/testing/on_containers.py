"""`make test-containers`: runs the tests that need PostgreSQL or Kafka on containers, or says what is missing."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from docker.errors import DockerException, ImageNotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.docker_client import DockerClient

from gridcare_local.testing.backend import CONTAINERS, STACK
from gridcare_local.testing.containers import KAFKA_IMAGE, POSTGRES_IMAGE

TESTS: Final = ("shared/tests", "services", "tests/k8s/test_jobs.py")
"""The tests with the server fixtures. Tests of the embedded servers and of the whole stack start their own."""

STAND_IN_LABEL: Final = "gridcare.stand-in"


def main(arguments: Sequence[str]) -> int:
    """Run pytest on containers. Return its status, or 1 with a message if something is missing."""
    try:
        client = DockerClient()
        client.client.ping()
    except DockerException as error:
        return _missing(f"no Docker daemon answers ({error}); `make test` needs none")
    absent = [image for image in (POSTGRES_IMAGE, KAFKA_IMAGE) if not _is_there(client, image)]
    if absent:
        return _missing(f"no registry gave {' and '.join(absent)}; `make test-images` builds stand-ins of these names")
    for image in (POSTGRES_IMAGE, KAFKA_IMAGE):
        made_of = client.client.images.get(image).labels.get(STAND_IN_LABEL)
        if made_of:
            sys.stdout.write(f"{image} is a stand-in: {made_of}\n")
    environment = os.environ | {STACK: CONTAINERS}
    if not _is_there(client, testcontainers_config.ryuk_image):
        environment["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    client.client.close()
    sys.stdout.flush()
    return subprocess.run(
        [sys.executable, "-m", "pytest", *(arguments or TESTS)], env=environment, check=False
    ).returncode


def _is_there(client: DockerClient, image: str) -> bool:
    """Return whether the daemon has the image or can pull it."""
    try:
        client.client.images.get(image)
    except ImageNotFound:
        name, _, tag = image.rpartition(":")
        try:
            client.client.images.pull(name, tag)
        except DockerException:
            return False
    return True


def _missing(what: str) -> int:
    sys.stderr.write(f"test-containers: {what}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
