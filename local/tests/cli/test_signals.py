"""How the `gridcare` command handles signals, tested in this process."""

import os
import signal

import pytest

from gridcare_local.cli.start import stopped_by_signals


@pytest.fixture
def hangup():
    """Yield a function that sets the handler of SIGHUP. The former one is restored at the end."""
    former = signal.getsignal(signal.SIGHUP)
    yield lambda handler: signal.signal(signal.SIGHUP, handler)
    signal.signal(signal.SIGHUP, former)


def test_hangup_stops_the_stack(hangup):
    """Closing the terminal interrupts the command."""
    hangup(signal.SIG_DFL)
    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        os.kill(os.getpid(), signal.SIGHUP)


def test_nohup_outlives_the_terminal(hangup):
    """A SIGHUP that was ignored at the start, as under nohup, stays ignored."""
    hangup(signal.SIG_IGN)
    with stopped_by_signals():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
