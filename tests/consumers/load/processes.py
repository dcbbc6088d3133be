"""`headrace-consumers load`, and other commands, as processes over a harbour."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from headrace_consumers.cli import main
from tests.consumers.commitlog.tables import TABLE
from tests.consumers.load.harbour import Harbour
from tests.consumers.runtime_process.aws import environment
from tests.consumers.windows_service.stack import PIPELINE, ROOT, SHARD, Process

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["headrace_consumers.load.running", "headrace_consumers.warehouse.redshift", __name__])
_PROGRAM = "from headrace_consumers.cli import main; main()"


def command_environment(harbour: Harbour) -> dict[str, str]:
    """Where everything is; loads are due at once."""
    return environment(harbour.stack.endpoint) | {
        "HEADRACE_LOG_TABLE": TABLE,
        "HEADRACE_POLL_INTERVAL_S": "0.05",
        "HEADRACE_LOAD_INTERVAL_S": "0",
        "HEADRACE_WAREHOUSE_HOST": "127.0.0.1",
        "HEADRACE_WAREHOUSE_PORT": str(harbour.server.port),
        "HEADRACE_WAREHOUSE_DATABASE": "headrace",
        "HEADRACE_WAREHOUSE_USER": "headrace",
        "HEADRACE_WAREHOUSE_PASSWORD": "any",
        "HEADRACE_WAREHOUSE_SSL": "false",
    }


@contextmanager
def loading(harbour: Harbour, log: Path, *arguments: str) -> Iterator[Process]:
    """The loader, until it is killed at the end."""
    line = [sys.executable, "-c", _PROGRAM, "load", PIPELINE, *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(line, cwd=ROOT, env=command_environment(harbour), stdout=output, stderr=output)
        try:
            yield Process(process, log)
        finally:
            process.kill()
            process.wait(20)


@contextmanager
def forked(harbour: Harbour, log: Path, *arguments: str) -> Iterator[BaseProcess]:
    """As `loading`, in a second less: the process is forked from one that has imported everything."""
    process = FORKS.Process(target=_load, args=(command_environment(harbour), log, *arguments))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def _load(environ: dict[str, str], log: Path, *arguments: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["headrace-consumers", "load", PIPELINE, *arguments]
    main()


def is_loaded(harbour: Harbour) -> bool:
    """All that was measured so far, by the books."""
    stack = harbour.stack
    tip = next(stack.log.newest_links(stack.lineage.chain(SHARD))).end
    books = harbour.ledger.read(harbour.session())
    harbour.close()
    where = books.positions.get(stack.lineage.chain(SHARD))
    return where is not None and where.position >= tip
