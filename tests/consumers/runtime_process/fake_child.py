"""An engine or a daemon that only tells what happens to it: `fake_child.py JOURNAL ROLE BEHAVIOUR [RESTARTS]`."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    journal, role, behaviour, *rest = sys.argv[1:]
    restarts = rest[0] if rest else ""
    if role == "engine":
        restarts, socket_path = sys.stdin.readline().split()
        _note(journal, f"engine {os.getpid()} {socket_path}")
        return _engine(journal, behaviour, first=restarts == "0")
    # Blocked before it is announced, so that no signal comes too early.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    _note(journal, f"daemon {os.getpid()}")
    return _daemon(journal, behaviour, first=restarts == "0")


def _engine(journal: str, behaviour: str, *, first: bool) -> int:
    if behaviour == "terminal":
        sys.stdout.write("the log and the stream disagree\n")
        return 78
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if behaviour == "crash" or (behaviour == "crash-once" and first):
        return 70
    sys.stdin.read()
    _note(journal, "engine saw the end")
    return 0


def _daemon(journal: str, behaviour: str, *, first: bool) -> int:
    if behaviour == "die-once" and first:
        sys.stderr.write("ERROR\tWorker\tno such region\n")
        return 1
    number = signal.sigwait({signal.SIGTERM, signal.SIGINT})
    _note(journal, f"daemon got {signal.Signals(number).name}")
    if behaviour == "deaf":
        signal.sigwait({signal.SIGUSR1})
    return 143


def _note(journal: str, text: str) -> None:
    with open(journal, "w") as fifo:  # noqa: PTH123 - one write, whole
        fifo.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
