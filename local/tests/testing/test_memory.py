"""The folder in memory of a test run, and the deletion of those of finished runs."""

import pytest

from gridcare_local.servers.cache import file_lock
from gridcare_local.testing.memory import erase_abandoned, has_room


@pytest.fixture
def abandoned(tmp_path):
    """Return the folder of a finished run."""
    folder = tmp_path / "gridcare-tests-0-1"
    (folder / "pytest-of-root").mkdir(parents=True)
    return folder


def test_empty_folder_is_erased(abandoned):
    """The folder of a run without failures is deleted."""
    erase_abandoned(abandoned)
    assert not abandoned.exists()


@pytest.mark.parametrize(("kept_s", "stays"), [(3600, True), (0, False)])
def test_failures_stay_for_a_while(abandoned, kept_s, stays):
    """The folders of failed tests are kept for a while and then deleted."""
    (abandoned / "pytest-of-root" / "pytest-0").mkdir()
    erase_abandoned(abandoned, kept_s=kept_s)
    assert abandoned.exists() == stays


def test_living_run_keeps_its_folder(abandoned):
    """The folder of a running test run is not deleted."""
    with file_lock(abandoned / "lock", timeout_s=0):
        erase_abandoned(abandoned, kept_s=0)
    assert abandoned.exists()


def test_missing_memory_has_no_room(tmp_path):
    """Without a file system in memory there is no room."""
    assert not has_room(tmp_path / "shm")
