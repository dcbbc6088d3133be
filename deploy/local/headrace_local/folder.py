"""The folder of one stack: where it is, who works with it (its lock), and how it goes away.

The folder itself is what is locked, so nothing is left once it is removed. A lock dies with its process, however
that ended; a folder whose lock is free and whose stack is not up is therefore what a killed command left behind.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headrace_local.errors import LocalError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_POLL_S = 0.05


def stacks_root() -> Path:
    """Short, because Unix sockets live below it, and this user's alone."""
    return Path(tempfile.gettempdir()) / f"headrace-{os.getuid()}"


def checkout_name(checkout: Path) -> str:
    """A name of its own for each checkout, the same each time: its folder's name and a few digits of its path."""
    digits = hashlib.sha256(str(checkout).encode()).hexdigest()[:6]
    word = re.sub(r"[^a-z0-9]+", "-", checkout.name.lower()).strip("-")[:24]
    return f"{word or 'headrace'}-{digits}"


def this_checkout() -> Path:
    here = Path(__file__).resolve().parent
    return next((folder for folder in here.parents if (folder / "uv.lock").exists()), here)


@dataclass(frozen=True, slots=True)
class StackFolder:
    """`root/NAME`; the name is checked, so it is safe in paths and commands."""

    name: str
    root: Path

    @classmethod
    def named(cls, name: str | None) -> StackFolder:
        name = name or checkout_name(this_checkout())
        if not _NAME.fullmatch(name):
            raise LocalError(f"{name!r} is no name for a stack: at most 40 of a-z, 0-9 and - please")
        return cls(name, stacks_root())

    @property
    def path(self) -> Path:
        return self.root / self.name

    @property
    def state_path(self) -> Path:
        return self.path / "state.json"

    def log_path(self, role: str) -> Path:
        return self.path / f"{role}.log"

    def lock(self) -> FolderLock | None:
        """Makes the folder where there is none, and locks it; None where another process holds it."""
        while True:
            _make_private(self.root)
            with suppress(FileNotFoundError):  # another stack's end may remove the root right here
                self.path.mkdir(mode=0o700, exist_ok=True)
            if (lock := self.lock_existing()) is not None or self.path.exists():
                return lock

    def lock_existing(self) -> FolderLock | None:
        """None where there is no such folder, or another process holds it."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return None
        if _locked(descriptor) and self._is_open_as(descriptor):
            return FolderLock(self, descriptor)
        os.close(descriptor)
        return None

    def wait_for_lock(self, timeout_s: float) -> FolderLock | None:
        """None where the folder is gone, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while (lock := self.lock_existing()) is None and self.path.exists() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return lock

    def _is_open_as(self, descriptor: int) -> bool:
        """Whether the locked folder still bears its name: it may have been removed while we waited."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False


class FolderLock:
    """Exclusive work with one stack, until `release` or the end of this process."""

    def __init__(self, folder: StackFolder, descriptor: int) -> None:
        self.folder = folder
        self._descriptor = descriptor

    def release(self) -> None:
        """Safe to repeat."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def remove_folder(self) -> None:
        """Removes the folder, and the root where this was its last stack. The lock is held until `release`."""
        shutil.rmtree(self.folder.path, ignore_errors=True)
        with suppress(OSError):
            self.folder.root.rmdir()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_private(root: Path) -> None:
    root.mkdir(mode=0o700, exist_ok=True)
    if root.stat().st_uid != os.getuid():
        raise LocalError(f"{root} belongs to another user; set TMPDIR to a folder of your own")
