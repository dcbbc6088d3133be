"""The engine's side of the handoff: relays pass the daemon's pipes over a Unix socket (SCM_RIGHTS), a pair a shard."""

from __future__ import annotations

import array
import logging
import os
import select
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from headrace_consumers.errors import DaemonError
from headrace_consumers.runtime.relay import HELLO, TAKEN

_log = logging.getLogger(__name__)
_BACKLOG = 256
_PIPES = 2
_ROOM = socket.CMSG_SPACE(_PIPES * array.array("i").itemsize)


@dataclass(frozen=True, slots=True)
class ShardPipes:
    """The daemon's pipes for one shard, and the relay that keeps the daemon content meanwhile."""

    read_fd: int
    write_fd: int
    relay_socket: socket.socket

    def close_pipes(self) -> None:
        """Both ends, before `release`: the daemon waits for end-of-file."""
        os.close(self.read_fd)
        os.close(self.write_fd)

    def release(self, exit_code: int) -> None:
        """Lets the relay exit with this code; a relay that is gone already is no error."""
        with self.relay_socket as relay:
            try:
                relay.sendall(bytes([exit_code]))
            except OSError:
                return


class HandoffListener:
    """Listens in a directory that only this user may enter. `fileno()` is readable when `accept()` may have
    something; neither blocks, whatever a client does. Raises DaemonError where the directory is open to others."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._check_directory()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._server.bind(path)
        self._server.listen(_BACKLOG)
        self._greeting: dict[int, socket.socket] = {}
        self._ready = select.epoll()
        self._ready.register(self._server, select.EPOLLIN)

    def fileno(self) -> int:
        return self._ready.fileno()

    def accept(self) -> ShardPipes | None:
        """The pipes of one shard, if a relay handed them over. Call again while `fileno()` is readable."""
        for fd, _ in self._ready.poll(0):
            if fd == self._server.fileno():
                self._greet()
            elif (pipes := self._take(fd)) is not None:
                return pipes
        return None

    def close(self) -> None:
        for client in self._greeting.values():
            client.close()
        self._ready.close()
        self._server.close()
        self._path.unlink(missing_ok=True)

    def _check_directory(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(self._path.parent.stat().st_mode) & 0o077:
            raise DaemonError(f"{self._path.parent}: others may enter the engine's socket directory; chmod 700 it")

    def _greet(self) -> None:
        try:
            client, _ = self._server.accept()
        except (BlockingIOError, ConnectionError):
            return
        client.setblocking(False)  # noqa: FBT003 - socket's own signature
        self._greeting[client.fileno()] = client
        self._ready.register(client, select.EPOLLIN)

    def _take(self, fd: int) -> ShardPipes | None:
        self._ready.unregister(fd)
        client = self._greeting.pop(fd)
        hello, fds = _receive(client)
        if hello == HELLO and len(fds) == _PIPES and _acknowledge(client):
            return ShardPipes(fds[0], fds[1], client)
        # The relay died half-way, or it is none: the daemon notices a dead relay by itself.
        _log.warning("a connection to the engine's socket was no handoff and is closed")
        for stray in fds:
            os.close(stray)
        client.close()
        return None


def _receive(client: socket.socket) -> tuple[bytes, list[int]]:
    """What came in one message, with its descriptors; close-on-exec from their first moment."""
    try:
        hello, ancillary, flags, _ = client.recvmsg(len(HELLO), _ROOM, socket.MSG_CMSG_CLOEXEC)
    except OSError:
        return b"", []
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return (b"" if flags & socket.MSG_CTRUNC else hello), list(fds)


def _acknowledge(client: socket.socket) -> bool:
    try:
        return client.send(TAKEN) == len(TAKEN)
    except OSError:
        return False
