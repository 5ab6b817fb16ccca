"""What every test of the project may use, and how the tests are shared out among the workers of pytest-xdist."""

import os

import pytest

pytest_plugins = ["gridcare_local.testing.scratch", "gridcare_local.testing.servers"]

SERVERS = {
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

PIECES = ("tests/integration/test_", "shared/tests/kafka/")
"""Files that one worker runs, since they share what takes long to start: the whole stack, a broker."""

LONG_FIRST = (*PIECES, "benchmarks/", "tests/integration/fuzz/", "local/tests/servers/", "shared/tests/http/test_fuzz")
"""What takes longest is begun first, so that no worker is left alone with it at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker a core, and one more: tests of whole processes mostly wait."""
    return min(len(os.sched_getaffinity(0)) + 1, WORKERS_MAX)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a server. For workers put the longest first; otherwise the order of the folders stays."""
    for item in items:
        if SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("server")
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Share the tests out by files, since a file's tests share fixtures, and by the pieces above."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - there with pytest-xdist only

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((piece for piece in PIECES if nodeid.startswith(piece)), nodeid.partition("::")[0])

    config.option.loadscopereorder = False
    return ByFile(config, log)


def _rank(nodeid: str) -> int:
    return next((rank for rank, prefix in enumerate(LONG_FIRST) if nodeid.startswith(prefix)), len(LONG_FIRST))
