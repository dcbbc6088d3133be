"""The run, once for all tests of a session, however many workers pytest has."""

from __future__ import annotations

import fcntl
from pathlib import Path

from tests.deploy.calls.recording import record

_DONE = "done"


def recording_in(folder: Path) -> Path:
    """Where the run's lines are; it is made where nobody has made it yet. Raises AssertionError where it failed."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _DONE).exists():
            record(folder)
            (folder / _DONE).touch()
    return folder
