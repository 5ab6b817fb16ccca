"""The two backends of the fixtures that start servers."""

from pathlib import Path

import pytest

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.kafka.jars import read_list
from gridcare_local.testing.backend import STACK, start_kafka
from gridcare_local.testing.containers import KAFKA_IMAGE, POSTGRES_IMAGE

IMAGES = Path(__file__).parents[2] / "images"


def test_unknown_backend_is_refused(tmp_path, monkeypatch):
    """A backend that is none is refused with the names of both."""
    monkeypatch.setenv(STACK, "docker")
    with pytest.raises(LocalStackError, match="embedded or containers"):
        start_kafka(tmp_path)


def test_same_kafka_on_both():
    """The image has the version of the embedded broker."""
    (version,) = [
        jar.coordinates.rpartition(":")[2]
        for jar in read_list()
        if jar.coordinates.startswith("org.apache.kafka:kafka_2")
    ]
    assert f"apache/kafka:{version}" == KAFKA_IMAGE


def test_stand_ins_of_the_same_version():
    """The stand-ins are built of the versions that the images' names say."""
    major = POSTGRES_IMAGE.rpartition(":")[2]
    assert f"install -y --no-install-recommends postgresql-{major} " in (IMAGES / "postgres" / "Dockerfile").read_text()
    assert all(image in (IMAGES / "README.md").read_text() for image in (POSTGRES_IMAGE, KAFKA_IMAGE))
