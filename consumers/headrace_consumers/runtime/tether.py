"""Ties a process to its parent: it is killed when the parent dies, however that died. Linux only, like the handoff.

Also a program: `python -I -S -E tether.py PARENT_PID COMMAND...` ties itself and becomes COMMAND. The tie survives
exec, and no code runs between fork and exec of a parent that has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie_to_parent(parent_pid: int) -> None:
    """From here on the kernel sends SIGKILL when the parent's starting thread ends. Exits if that is gone already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        os._exit(1)


if __name__ == "__main__":
    tie_to_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the supervisor chose it
