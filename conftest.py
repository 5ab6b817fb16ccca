"""What every test of the project may use, and how the tests are shared out among the workers of pytest-xdist."""

import os

import hypothesis
import pytest

hypothesis.settings.register_profile("gridcare", deadline=None)  # an example's time says how busy the machine is
hypothesis.settings.load_profile("gridcare")

pytest_plugins = [
    "gridcare_local.testing.scratch",
    "gridcare_local.testing.servers",
    "gridcare_local.testing.services",
    "gridcare_local.testing.emulators",
]

SERVERS = {
    "brokers",
    "kafka_bootstrap",
    "own_kafka",
    "postgres_admin_url",
    "running_fcm",
    "running_oidc",
    "running_twilio",
    "whole",
}
"""Fixtures that start one; a test without them that starts its own says so by the marker `server`."""

WORKERS_MAX = 8
"""Each may start a broker (half a gigabyte) and a database server of its own."""

LONG_FIRST = (
    "tests/integration",
    "shared/tests/kafka",
    "benchmarks",
    "tests/integration/fuzz",
    "local/tests/servers",
    "local/tests/emulators",
    "tests/k8s",
    "tests/tidy",
    "shared/tests/http",
)
"""Folders whose tests take long, begun first so that no worker is left alone with one of them at the end."""


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker a core, and one more: tests of whole processes mostly wait."""
    return min(len(os.sched_getaffinity(0)) + 1, WORKERS_MAX)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a server. For workers put the folders that take longest first.

    pytest-randomly has shuffled the modules, and the tests of each, by the seed that it prints: it runs before this.
    """
    for item in items:
        if SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("server")
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Share the tests out by folders, since those of a folder share what takes long to start: a whole stack, a broker."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - there with pytest-xdist only

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _folder(nodeid)

    config.option.loadscopereorder = False
    return ByFolder(config, log)


def _folder(nodeid: str) -> str:
    return nodeid.partition("::")[0].rpartition("/")[0]


def _rank(nodeid: str) -> int:
    folder = _folder(nodeid)
    return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)
