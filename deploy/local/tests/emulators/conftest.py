"""One emulator of each kind for the whole session; a test clears the script before it starts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gridcare_local.emulators.control import Emulator, start_emulator


@pytest.fixture(scope="session")
def running_twilio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = start_emulator(
        "twilio", tmp_path_factory.mktemp("twilio"), environment={"EMULATOR_TWILIO_PACE_S": "0.01"}
    )
    yield emulator
    emulator.stop()


@pytest.fixture
def twilio_emulator(running_twilio: Emulator) -> Emulator:
    running_twilio.script([])
    return running_twilio


@pytest.fixture(scope="session")
def running_fcm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = start_emulator("fcm", tmp_path_factory.mktemp("fcm"))
    yield emulator
    emulator.stop()


@pytest.fixture
def fcm_emulator(running_fcm: Emulator) -> Emulator:
    running_fcm.script([])
    running_fcm.settings()
    return running_fcm


@pytest.fixture(scope="session")
def running_oidc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = start_emulator("oidc", tmp_path_factory.mktemp("oidc"))
    yield emulator
    emulator.stop()


@pytest.fixture
def oidc_emulator(running_oidc: Emulator) -> Emulator:
    running_oidc.script([])
    return running_oidc


@pytest.fixture
def own_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"
