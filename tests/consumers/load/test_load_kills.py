"""`headrace-consumers load` and its warehouse killed at any time while commits come: each file is loaded once."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer

import psutil
import pytest

from tests.consumers.load.harbour import Harbour, check, commit, local_harbour
from tests.consumers.load.processes import forked, is_loaded, loading
from tests.consumers.windows_service.stack import PATIENCE_S, Process, eventually

LIVES = 3
LIFE_S = 0.6
"""At most, from when it loads: several loads."""
LOAD_S = 0.2
"""So long after a commit its load is over."""
CRASHES = 2
"""Of one test: each takes a start of the warehouse, which is slow on a busy machine."""
PAUSE_S = 1.5


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with local_harbour(tmp_path_factory.mktemp("harbour")) as made:
        yield made


def finish(harbour: Harbour, loader: Process) -> None:
    """It takes what is left, and ends; then everything is in the warehouse once."""
    commit(harbour)
    eventually(lambda: is_loaded(harbour), "the last load")
    loader.process.terminate()
    assert loader.process.wait(PATIENCE_S) == 0
    check(harbour)


@pytest.mark.parametrize("seed", [5, 15])
def test_a_loader_that_is_killed_at_any_time(harbour: Harbour, tmp_path: Path, seed: int) -> None:
    """The next one goes on from the books."""
    draw = random.Random(seed)
    for life in range(LIVES):
        log = tmp_path / f"life-{life}.log"
        with forked(harbour, log) as loader:
            eventually(lambda log=log: log.exists() and bool(log.read_text()), "the loader")  # type: ignore[misc]
            Timer(draw.uniform(0, LIFE_S), loader.kill).start()
            while loader.is_alive():
                commit(harbour)
        assert loader.exitcode == -signal.SIGKILL, log.read_text()
    with loading(harbour, tmp_path / "healthy.log") as healthy:
        finish(harbour, healthy)


def kill_all(harbour: Harbour) -> None:
    harbour.server.kill()


def kill_postgres(harbour: Harbour) -> None:
    """The gateway finds it gone, and ends too."""
    gateway = postgres(harbour).parent()
    postgres(harbour).kill()
    assert gateway is not None
    eventually(lambda: not gateway.is_running() or gateway.status() == psutil.STATUS_ZOMBIE, "the gateway's end")


def kill_gateway(harbour: Harbour) -> None:
    """PostgreSQL ends with it."""
    gateway = postgres(harbour).parent()
    assert gateway is not None
    gateway.kill()


def postgres(harbour: Harbour) -> psutil.Process:
    return psutil.Process(int((harbour.server.folder / "data" / "postmaster.pid").read_text().split()[0]))


@pytest.mark.parametrize(("crash", "seed"), [(kill_all, 6), (kill_postgres, 16), (kill_gateway, 26)])
def test_a_warehouse_that_is_killed_at_any_time(
    harbour: Harbour, tmp_path: Path, crash: Callable[[Harbour], None], seed: int
) -> None:
    """All of it, or a part, while a load goes on or just before or after; the loader connects anew by itself."""
    draw = random.Random(seed)
    with loading(harbour, tmp_path / "load.log") as loader:
        eventually(lambda: bool(loader.lines()), "the loader")
        for _ in range(CRASHES):
            commit(harbour)
            time.sleep(draw.uniform(0, LOAD_S))
            crash(harbour)
            commit(harbour)
            harbour.server.kill()
            harbour.server.start()
            eventually(lambda: is_loaded(harbour), "a load after the crash")
        assert json.loads(loader.get("/healthz"))["state"] == "healthy"
        finish(harbour, loader)


def test_a_warehouse_that_is_paused(harbour: Harbour, tmp_path: Path) -> None:
    """The loader stays healthy and says why nothing is loaded; it goes on by itself."""
    with loading(harbour, tmp_path / "load.log") as loader:
        commit(harbour)
        eventually(lambda: is_loaded(harbour), "a load before the pause")
        harbour.server.stop()
        commit(harbour)
        until_s = time.monotonic() + PAUSE_S
        eventually(lambda: loader.metric("headrace_warehouse_up") == 0, "the loader's notice")
        while time.monotonic() < until_s:
            commit(harbour)
            health = json.loads(loader.get("/healthz"))
            assert (health["state"], "the warehouse is away" in health["sentence"]) == ("healthy", True)
            assert loader.metric("headrace_warehouse_up") == 0
        harbour.server.start()
        finish(harbour, loader)
        assert "interrupted, trying again" in loader.log.read_text()
