"""CPU time and peak memory of running processes, each with its children."""

import resource
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import psutil

SAMPLE_INTERVAL_S = 0.5
MB = 1_000_000


class Meter:
    """Measures named processes for the length of a block.

    `cpu_s` is user and system time, with that of children, living or reaped. `memory_mb` is the highest sample of the
    private memory of a process and its children. Shared memory is left out: libraries, and PostgreSQL's buffers, a
    cache of fixed size that any workload fills. `strangers_share` is the share of the machine's cores that went to
    processes which are not measured; a rate that was measured next to busy strangers is too low.
    """

    def __init__(self, pids: Mapping[str, int], *, reaps: bool = False) -> None:
        """Measure processes by their pids. With `reaps`, children that end within the block are no strangers either."""
        self._reaps = reaps
        self._reaped_before_s = 0.0
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._before: dict[str, float] = {}
        self._machine_before = (0.0, 0.0)
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.cpu_s: dict[str, float] = {}
        self.strangers_share = 0.0
        self.memory_mb: dict[str, float] = dict.fromkeys(pids, 0.0)

    def __enter__(self) -> Self:
        self._before = {name: _cpu_s(process) for name, process in self._processes.items()}
        self._machine_before, self._reaped_before_s = _machine_s(), _reaped_s()
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._sampler.join()
        if error is None:
            self.cpu_s = {name: _cpu_s(process) - self._before[name] for name, process in self._processes.items()}
            busy, whole = (after - before for after, before in zip(_machine_s(), self._machine_before, strict=True))
            own = sum(self.cpu_s.values()) + (_reaped_s() - self._reaped_before_s if self._reaps else 0.0)
            self.strangers_share = max(0.0, busy - own) / max(whole, 1e-9)

    def _sample(self) -> None:
        while True:
            for name, process in self._processes.items():
                self.memory_mb[name] = max(self.memory_mb[name], _memory_mb(process))
            if self._over.wait(SAMPLE_INTERVAL_S):
                return


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_s(process: psutil.Process) -> float:
    """Return the CPU time of a process and its descendants, with that of the children they reaped."""
    total = 0.0
    for each in _family(process):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:  # its parent's times include it from now on
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _reaped_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _machine_s() -> tuple[float, float]:
    """Return the busy seconds and all the seconds of all cores since the machine started."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    counted_twice = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # part of user and nice already
    whole = sum(times) - counted_twice
    return whole - idle, whole


def _memory_mb(process: psutil.Process) -> float:
    own = 0
    for each in _family(process):
        try:
            held = each.memory_info()
        except psutil.NoSuchProcess:
            continue
        own += held.rss - getattr(held, "shared", 0)  # only Linux has `shared`; elsewhere all resident memory counts
    return own / MB
