"""The local Redshift as a process: it ends when it is told to, and comes back as it was."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from redshift_connector.error import InterfaceError, ProgrammingError

from headrace_local.redshift.server import RedshiftServer
from tests.local.redshift.client import Client

TRUE = shutil.which("true") or "true"
NOBODY = 65534
"""As whom PostgreSQL runs where we are root."""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RedshiftServer]:
    server = RedshiftServer(tmp_path / "redshift")
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_it_ends_though_a_client_has_said_nothing(own: RedshiftServer) -> None:
    """A port scan, or a health check that keeps its socket, does not keep it from its end."""
    with socket.create_connection(("127.0.0.1", own.port)):
        with Client.connect(own.port) as client:
            assert client.value("SELECT 1") == 1
        began_s = time.monotonic()
        own.stop()
        assert time.monotonic() - began_s < 15


def kill_postgres(server: RedshiftServer) -> None:
    """With its children: one that serves a client may outlive it for a COMMIT."""
    postgres = psutil.Process(int((server.folder / "data" / "postmaster.pid").read_text().split()[0]))
    for process in [*postgres.children(recursive=True), postgres]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.parametrize("crash", [RedshiftServer.kill, kill_postgres])
def test_what_was_committed_is_there_after_a_crash(
    own: RedshiftServer, crash: Callable[[RedshiftServer], None]
) -> None:
    """The client's connection is lost, not left hanging; a new start has what was committed, and nothing else."""
    with Client.connect(own.port) as writer:
        writer.run("CREATE TABLE t (a INT)")
        writer.run("INSERT INTO t VALUES (1)")
    with suppress(InterfaceError, OSError), Client.connect(own.port) as client:
        client.run("BEGIN")
        client.run("INSERT INTO t VALUES (2)")
        crash(own)
        with pytest.raises((InterfaceError, ProgrammingError, OSError)):
            client.run("COMMIT")
    port = own.port
    own.kill()
    own.start()
    assert own.port == port
    with Client.connect(own.port) as reader:
        assert reader.rows("SELECT a FROM t") == [(1,)]


def test_what_a_dead_one_left_keeps_nobody_from_starting(own: RedshiftServer) -> None:
    """A killed PostgreSQL that nobody has reaped looks alive to the next one, by the number in its files."""
    own.stop()
    user = NOBODY if os.geteuid() == 0 else None
    with subprocess.Popen([TRUE], user=user) as dead:  # not waited for, so it keeps its number
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (own.folder / "data" / name).write_text(f"{dead.pid}\n{own.folder / 'data'}\n{int(time.time())}\n5432\n.\n")
        own.start()
    with Client.connect(own.port) as client:
        assert client.value("SELECT 1") == 1
