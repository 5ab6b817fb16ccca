"""The folders in memory that a run of tests uses, and what becomes of those of others."""

import pytest

from gridcare_local.servers.cache import file_lock
from gridcare_local.testing.memory import erase_abandoned, has_room


@pytest.fixture
def abandoned(tmp_path):
    """Make the folder of a run that is over."""
    folder = tmp_path / "gridcare-tests-0-1"
    (folder / "pytest-of-root").mkdir(parents=True)
    return folder


def test_empty_folder_is_erased(abandoned):
    """A run whose tests all passed leaves nothing to look at."""
    erase_abandoned(abandoned)
    assert not abandoned.exists()


@pytest.mark.parametrize(("kept_s", "stays"), [(3600, True), (0, False)])
def test_failures_stay_for_a_while(abandoned, kept_s, stays):
    """What a failed test left can be looked at, and does not take up memory for good."""
    (abandoned / "pytest-of-root" / "pytest-0").mkdir()
    erase_abandoned(abandoned, kept_s=kept_s)
    assert abandoned.exists() == stays


def test_living_run_keeps_its_folder(abandoned):
    """The folder of a run that goes on is left alone."""
    with file_lock(abandoned / "lock", timeout_s=0):
        erase_abandoned(abandoned, kept_s=0)
    assert abandoned.exists()


def test_missing_memory_has_no_room(tmp_path):
    """Where there is no file system in memory, pytest's own choice of folders stays."""
    assert not has_room(tmp_path / "shm")
