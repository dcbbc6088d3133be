"""Results that several processes of one test run share: who comes first makes them."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def shared(folder: Path, name: str, make: Callable[[], T]) -> T:
    """What `make` gave the first time that anyone asked for the name; others wait for it."""
    path = folder / f"{name}.pickle"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_bytes(pickle.dumps(make()))
        made: T = pickle.loads(path.read_bytes())  # noqa: S301 — written by this run
        return made
