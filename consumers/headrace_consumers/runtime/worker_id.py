"""KCL's worker id: the same over restarts, because another one waits for the dead one's leases."""

from __future__ import annotations

import fcntl
import socket
import uuid
from pathlib import Path
from typing import IO

from headrace_producers.errors import SettingsError


class WorkerIdentity:
    """The id of this worker, and the exclusive right to it while this object is open."""

    def __init__(self, worker_id: str, lock: IO[str] | None = None) -> None:
        self.worker_id = worker_id
        self._lock = lock

    def close(self) -> None:
        if self._lock is not None:
            self._lock.close()


def identify(wanted: str, state_dir: str) -> WorkerIdentity:
    """`wanted` where it is given; else the one kept in `state_dir`, drawn there once; else a new one. Raises
    SettingsError where another worker of this machine uses that directory."""
    if wanted or not state_dir:
        return WorkerIdentity(wanted or _draw())
    path = Path(state_dir, "worker-id")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise SettingsError(f"{state_dir} is in use by another worker: give each a state_dir of its own") from None
    lock.seek(0)
    if not (kept := lock.read().strip()):
        kept = _draw()
        lock.write(kept)
        lock.flush()
    return WorkerIdentity(kept, lock)


def _draw() -> str:
    return f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
