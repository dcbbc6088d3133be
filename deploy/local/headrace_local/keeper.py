"""The process that cleans up after a command that was killed: `python -m headrace_local.keeper ROOT NAME`.

Its input is a pipe whose other end only the command holds. When the pipe ends, the command has ended, by whatever way;
if its stack is neither up nor another command's, its processes are killed and its folder removed.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from headrace_local.folder import StackFolder
from headrace_local.state import clear_remains

_LOCK_TIMEOUT_S = 20.0
"""The kernel may close a dead command's pipe before it frees its lock."""
_CLOSE_TIMEOUT_S = 5.0


class Keeper:
    """The command's end of the pipe."""

    def __init__(self, folder: StackFolder) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "headrace_local.keeper", str(folder.root), folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Ends the pipe and waits until the keeper has looked around; it goes on without us if that takes long."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSE_TIMEOUT_S)


def main() -> None:
    root, name = sys.argv[1:]
    sys.stdin.buffer.read()
    folder = StackFolder(name, Path(root))
    lock = folder.wait_for_lock(_LOCK_TIMEOUT_S)
    if lock is not None:
        clear_remains(lock)
        lock.release()


if __name__ == "__main__":
    main()
