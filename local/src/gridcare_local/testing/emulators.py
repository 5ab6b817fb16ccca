"""A pytest plugin with an emulator of each provider for the session. Tests empty its script before they use it."""

from collections.abc import Iterator
from itertools import count

import pytest

from gridcare_local.emulators.control import Emulator, start_emulator

numbers: Iterator[str] = (f"+8491{at:07d}" for at in count(1))
registrations: Iterator[str] = (f"registration-{at}" for at in count(1))
"""Mobile numbers and FCM registrations, each for one test: all test files of a process share its emulators."""


@pytest.fixture(scope="session")
def running_fcm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Yield the session's FCM emulator."""
    emulator = start_emulator("fcm", tmp_path_factory.mktemp("fcm"))
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def running_twilio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Yield the session's Twilio emulator, which reports a message's steps within hundredths of a second."""
    emulator = start_emulator(
        "twilio", tmp_path_factory.mktemp("twilio"), environment={"EMULATOR_TWILIO_PACE_S": "0.01"}
    )
    yield emulator
    emulator.stop()
