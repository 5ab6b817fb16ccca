"""The two backends of the server fixtures."""

from pathlib import Path

import pytest

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.kafka.jars import read_list
from gridcare_local.testing.backend import STACK, start_kafka
from gridcare_local.testing.containers import KAFKA_IMAGE, POSTGRES_IMAGE

IMAGES = Path(__file__).parents[2] / "images"


def test_unknown_backend_is_refused(tmp_path, monkeypatch):
    """An unknown backend raises an error that names both."""
    monkeypatch.setenv(STACK, "docker")
    with pytest.raises(LocalStackError, match="embedded or containers"):
        start_kafka(tmp_path)


def test_both_have_one_kafka():
    """The image has the version of the embedded broker."""
    (version,) = [
        jar.coordinates.rpartition(":")[2]
        for jar in read_list()
        if jar.coordinates.startswith("org.apache.kafka:kafka_2")
    ]
    assert f"apache/kafka:{version}" == KAFKA_IMAGE


def test_stand_ins_match_their_names():
    """The stand-ins contain the versions in the images' names."""
    major = POSTGRES_IMAGE.rpartition(":")[2]
    assert f"install -y --no-install-recommends postgresql-{major} " in (IMAGES / "postgres" / "Dockerfile").read_text()
    assert all(image in (IMAGES / "README.md").read_text() for image in (POSTGRES_IMAGE, KAFKA_IMAGE))
