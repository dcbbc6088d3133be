"""`python -m headrace_local.redshift --folder F --port P`: PostgreSQL and the gateway, until SIGTERM.

The port is written to the file `port` in the folder once clients are taken. COPY and UNLOAD find S3 at
AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

from headrace_local.errors import LocalError, StartError
from headrace_local.redshift.admin import Admin
from headrace_local.redshift.bootstrap import bootstrap
from headrace_local.redshift.gateway import Gateway
from headrace_local.redshift.journal import Journal
from headrace_local.redshift.postgres import Postgres, start_postgres
from headrace_local.redshift.startup import DATABASE

log = logging.getLogger(__name__)

_HOST: Final = "127.0.0.1"
_WATCH_S: Final = 0.2


def main() -> int:
    parser = argparse.ArgumentParser(prog="headrace_local.redshift", description="The local Redshift.")
    parser.add_argument("--folder", type=Path, required=True, help="where its data live; made where it is not there")
    parser.add_argument("--port", type=int, default=5439, help="0: any that is free")
    words = parser.parse_args()
    # pyarrow looks for pandas, which costs two seconds where it is installed and is of no use here.
    sys.modules["pandas"] = None  # type: ignore[assignment]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    folder = words.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = _lock(folder)
        postgres = start_postgres(folder)
        try:
            return asyncio.run(_serve(postgres, folder, words.port))
        finally:
            postgres.stop()
            os.close(lock)
    except LocalError as error:
        log.error("%s", error)  # noqa: TRY400 -- its sentence says all
        return 1


def _lock(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StartError(f"a local Redshift runs in {folder} already") from None
    return descriptor


async def _serve(postgres: Postgres, folder: Path, port: int) -> int:
    """Ends with PostgreSQL, so that a client never meets one without the other."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    # A socket's path may be no longer than 107 bytes; from here its name is enough.
    os.chdir(postgres.data)
    await bootstrap(postgres.socket_name)
    admin = await Admin.open(postgres.socket_name, DATABASE)
    gateway = Gateway(postgres.socket_name, Journal(admin), os.environ.get("AWS_ENDPOINT_URL"))
    server = await gateway.serve(_HOST, port)
    _write_port(folder, server.sockets[0].getsockname()[1])
    ended_by_itself = await _wait(stopped, postgres)
    server.close()
    await asyncio.to_thread(postgres.stop)
    await gateway.wait_closed()
    await admin.close()
    return int(ended_by_itself)


async def _wait(stopped: asyncio.Event, postgres: Postgres) -> bool:
    """Until SIGTERM, or PostgreSQL's own end: then true."""
    while not stopped.is_set():
        if postgres.process.poll() is not None:
            log.error("PostgreSQL has ended by itself; its log is %s", postgres.data.parent / "postgres.log")
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), _WATCH_S)
    return False


def _write_port(folder: Path, port: int) -> None:
    fresh = folder / "port.new"
    fresh.write_text(f"{port}\n")
    fresh.replace(folder / "port")


if __name__ == "__main__":
    sys.exit(main())
