"""Stops servers that a killed test run left behind, when the next run starts a server."""

import json
import os
import signal

from gridcare_local.servers.cache import cache_dir, file_lock, write_atomically
from gridcare_local.servers.processes import ProcessRef

LOCK_TIMEOUT_S = 30.0
STOP_GRACE_S = 2.0


def tie_to_us(server: ProcessRef) -> None:
    """Record that a server may be stopped when this process is dead."""
    owner = ProcessRef.of(os.getpid())
    if owner is None:
        return
    folder = cache_dir() / "servers"
    folder.mkdir(exist_ok=True)
    record = {"pid": server.pid, "started": server.started, "owner": owner.pid, "owner_started": owner.started}
    write_atomically(folder / f"{server.pid}.json", json.dumps(record))


def end_forgotten() -> None:
    """Stop the recorded servers of dead processes, and delete the records of stopped servers."""
    folder = cache_dir() / "servers"
    if not folder.exists():
        return
    with file_lock(folder / "lock", timeout_s=LOCK_TIMEOUT_S):
        for file in folder.glob("[0-9]*.json"):
            record = json.loads(file.read_text())
            server = ProcessRef(record["pid"], record["started"])
            if server.alive():
                if ProcessRef(record["owner"], record["owner_started"]).alive():
                    continue
                # both servers take SIGINT as the order to stop at once, even with clients connected
                server.stop(grace_s=STOP_GRACE_S, first=signal.SIGINT)
            file.unlink()
