"""CPU time and peak memory of processes that others started, each with its children."""

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import psutil

SAMPLE_INTERVAL_S = 0.1
MB = 1_000_000


class Meter:
    """Measures named processes for the length of a block.

    `cpu_s`: user and system time, children included, living or reaped. `memory_mb`: the highest sample of what a process and
    its children hold together, memory that they share counted once.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._before: dict[str, float] = {}
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.cpu_s: dict[str, float] = {}
        self.memory_mb: dict[str, float] = dict.fromkeys(pids, 0.0)

    def __enter__(self) -> Self:
        self._before = {name: _cpu_s(process) for name, process in self._processes.items()}
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._sampler.join()
        if error is None:
            self.cpu_s = {name: _cpu_s(process) - self._before[name] for name, process in self._processes.items()}

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
    """Sum what each of the family used and what children that it reaped had used."""
    total = 0.0
    for each in _family(process):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:  # its parent counts it from now on
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _memory_mb(process: psutil.Process) -> float:
    own, common = 0, 0
    for each in _family(process):
        try:
            held = each.memory_info()
        except psutil.NoSuchProcess:
            continue
        shared = getattr(held, "shared", 0)  # of Linux; elsewhere a family's shared memory counts once a process
        own += held.rss - shared
        common = max(common, shared)
    return (own + common) / MB
