"""One build at a time: a table of the warehouse, locked by a transaction that lasts as long as the build.

The lock ends with its connection, however the process ended, so nobody ever has to clear one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from headrace_consumers.errors import WarehouseBusyError, WarehouseStatementError
from headrace_consumers.warehouse.session import Warehouse, WarehouseSession
from headrace_consumers.warehouse.tables import quoted
from headrace_producers.errors import HeadraceError
from headrace_sql.errors import BuildRunsError, LockLostError

TABLE = "build_lock"
WAIT_MS = 3_000
LOOK_EVERY_S = 10.0
_SCHEMA = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %s"
"""Asked first: who may not make schemas may not say IF NOT EXISTS either."""
_CANCELLED = "57014"
_MADE_MEANWHILE = frozenset({"42P06", "42P07", "23505"})
"""Schema or table is there already, or comes to be at this moment."""


@dataclass(slots=True)
class BuildLock:
    """Held. `lost` is set once its connection has broken."""

    lost: threading.Event = field(default_factory=threading.Event)

    def require_held(self) -> None:
        """Raises LockLostError."""
        if self.lost.is_set():
            raise LockLostError("the connection that held the build's lock broke, so this was stopped; run it again")


@contextmanager
def build_lock(
    warehouse: Warehouse, schema: str, *, on_loss: Callable[[], None] = lambda: None, look_every_s: float = LOOK_EVERY_S
) -> Iterator[BuildLock]:
    """Holds the lock in `schema`, which is made where it is missing. Looks now and then whether it still does, and
    calls `on_loss`, from a thread of its own, where not. Raises BuildRunsError, and the warehouse's errors."""
    session = warehouse.connect()
    try:
        _take(session, schema)
        lock, done = BuildLock(), threading.Event()
        watch = threading.Thread(target=_watch, args=(session, lock, done, on_loss, look_every_s), daemon=True)
        watch.start()
        try:
            yield lock
        finally:
            done.set()
            watch.join()
        lock.require_held()
    finally:
        session.close()


def _take(session: WarehouseSession, schema: str) -> None:
    name = f"{quoted(schema)}.{quoted(TABLE)}"
    if not session.query(_SCHEMA, schema):
        _make(session, f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    _make(session, f"CREATE TABLE IF NOT EXISTS {name} (nothing INTEGER)")
    session.run(f"SET statement_timeout TO {WAIT_MS}")
    session.begin()
    try:
        session.run(f"LOCK TABLE {name}")
    except (WarehouseStatementError, WarehouseBusyError) as error:
        if isinstance(error, WarehouseStatementError) and error.sqlstate != _CANCELLED:
            raise
        raise BuildRunsError(
            f"another build runs on this warehouse: it holds {schema}.{TABLE}; nothing was changed, try again later"
        ) from error
    session.run("SET statement_timeout TO 0")  # a busy warehouse is no reason to take the lock for lost


def _make(session: WarehouseSession, statement: str) -> None:
    """IF NOT EXISTS fails where another session makes the same at this moment."""
    try:
        session.run(statement)
    except WarehouseStatementError as error:
        if error.sqlstate not in _MADE_MEANWHILE:
            raise


def _watch(
    session: WarehouseSession, lock: BuildLock, done: threading.Event, on_loss: Callable[[], None], every_s: float
) -> None:
    while not done.wait(every_s):
        try:
            session.query("SELECT 1")
        except HeadraceError:
            lock.lost.set()
            on_loss()
            return
