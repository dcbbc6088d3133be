"""One build at a time, however the one before ended."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
import pytest

from headrace_consumers.warehouse.redshift import Redshift
from headrace_consumers.warehouse.session import Warehouse, WarehouseSession
from headrace_sql import build as build_module
from headrace_sql.build import LOCK_SCHEMA
from headrace_sql.cli import execute
from headrace_sql.errors import BuildRunsError, LockLostError
from headrace_sql.lock import build_lock
from tests.sql.conftest import Built
from tests.sql.world import NO_TESTS, PATIENCE_S, WHAT_LOADS_CHANGE, World, ended

OFTEN_S = 0.05
HOLDER = """
    SELECT locks.pid FROM pg_catalog.pg_locks AS locks JOIN pg_catalog.pg_class AS tables ON tables.oid = locks.relation
    WHERE tables.relname = 'build_lock' AND locks.granted"""


def holders(world: World) -> list[int]:
    return sorted({int(pid) for (pid,) in world.rows(HOLDER)})


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, f"{what} did not come"
        time.sleep(OFTEN_S)


@dataclass(frozen=True)
class Running:
    """A build in the midst of its models."""

    process: subprocess.Popen[str]
    children: tuple[psutil.Process, ...]

    def leaves_no_child(self) -> bool:
        _, alive = psutil.wait_procs(self.children, timeout=10)
        return not alive


@contextmanager
def running(world: World) -> Iterator[Running]:
    children: list[psutil.Process] = []
    with world.start("build", "--", *WHAT_LOADS_CHANGE, *NO_TESTS) as process:
        try:
            assert process.stdout is not None
            assert any("OK created" in line for line in process.stdout), process.communicate()
            children += psutil.Process(process.pid).children(recursive=True)
            assert any("bin/dbt" in " ".join(child.cmdline()) for child in children)
            yield Running(process, tuple(children))
        finally:
            process.kill()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()


def test_while_one_build_holds_the_lock_another_one_changes_nothing(built: Built, world: World) -> None:
    """It ends with exit code 1 and a sentence, before dbt begins."""
    before = world.contents("core", "mart")
    with build_lock(Redshift(world.target), LOCK_SCHEMA, on_loss=pytest.fail):
        ran = world.command("build")
    assert ran.code == 1
    assert "another build runs on this warehouse: it holds core.build_lock; nothing was changed" in ran.sentence
    assert ran.out == ""
    assert world.contents("core", "mart") == before
    assert built.first.ok


def test_a_killed_build_leaves_nothing_to_clear_and_sigterm_stops_the_next_one(built: Built, world: World) -> None:
    """SIGKILL ends the lock and dbt: the next build begins at once, and is alone. SIGTERM ends that one with 143."""
    assert built.first.ok
    with running(world) as killed:
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait(PATIENCE_S)
        assert killed.leaves_no_child()
    with running(world) as stopped:
        stopped.process.send_signal(signal.SIGTERM)
        ran = ended(stopped.process)
        assert ran.code == 128 + signal.SIGTERM
        assert stopped.leaves_no_child()
    eventually(lambda: not holders(world), "the end of the lock")


def test_a_build_whose_locks_connection_breaks_stops_dbt_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Another one may have begun: exit code 1, and nothing more is done. Its models wait for a table until then."""
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(build_module, "build_lock", functools.partial(build_lock, look_every_s=OFTEN_S))
    ended_at_last = threading.Event()
    breaker = threading.Thread(target=_break_once_models_begin, args=(world, ended_at_last))
    breaker.start()
    code = execute(["build", "--work-dir", str(world.work_dir), "--", *WHAT_LOADS_CHANGE, *NO_TESTS])
    ended_at_last.set()
    breaker.join(PATIENCE_S)
    said = capfd.readouterr()
    assert code == 1
    assert said.err.splitlines()[-1].startswith(
        "headrace-sql: the connection that held the build's lock broke, so this was"
    )
    assert not re.search("Completed successfully", said.out), "dbt went on"
    assert _dbts_of_ours() == []


def _break_once_models_begin(world: World, until: threading.Event) -> None:
    log = world.work_dir / "logs" / "dbt.log"
    length = log.stat().st_size if log.exists() else 0
    eventually(lambda: log.exists() and b"START sql" in log.read_bytes()[length:], "a model")
    with world.session() as session:
        session.begin()
        session.run("LOCK TABLE staging.rotations")  # what reads it waits
        for pid in holders(world):
            world.rows(f"SELECT pg_terminate_backend({pid})")
        until.wait(PATIENCE_S)
        session.rollback()


def _dbts_of_ours() -> list[psutil.Process]:
    return [child for child in psutil.Process(os.getpid()).children() if "bin/dbt" in " ".join(child.cmdline())]


def test_who_finds_the_lock_taken_waits_a_moment_and_goes(world: World) -> None:
    """Who comes after its end has it."""
    warehouse = Redshift(world.target)
    with (
        build_lock(warehouse, "locks_of_a_test", on_loss=pytest.fail),
        pytest.raises(BuildRunsError, match=r"it holds locks_of_a_test[.]build_lock"),
    ):
        _hold(warehouse)
    _hold(warehouse)


def test_a_lock_that_is_lost_is_noticed_once(world: World) -> None:
    """`on_loss` is called, and the end of the block raises; the lock is free for others."""
    warehouse, lost = Redshift(world.target), threading.Event()
    with (
        pytest.raises(LockLostError, match="run it again"),
        build_lock(warehouse, "locks_of_a_test", on_loss=lost.set, look_every_s=OFTEN_S),
    ):
        _break(world, lost)
    _hold(warehouse)


def test_a_lock_that_is_held_waits_for_a_busy_warehouse(world: World) -> None:
    """The time within which the lock must be had is of that statement alone."""
    sessions: list[WarehouseSession] = []

    with build_lock(Remembering(Redshift(world.target), sessions), "locks_of_a_test", on_loss=pytest.fail):
        assert sessions[0].query("SHOW statement_timeout") == [("0",)]


@dataclass(frozen=True)
class Remembering:
    """Whose sessions can be asked."""

    warehouse: Warehouse
    sessions: list[WarehouseSession]

    def connect(self) -> WarehouseSession:
        self.sessions.append(self.warehouse.connect())
        return self.sessions[-1]


def _break(world: World, lost: threading.Event) -> None:
    for pid in holders(world):
        world.rows(f"SELECT pg_terminate_backend({pid})")
    assert lost.wait(PATIENCE_S)


def _hold(warehouse: Redshift) -> None:
    with build_lock(warehouse, "locks_of_a_test", on_loss=pytest.fail):
        pass
