"""A loader's world: the local AWS with committed tides and windows, and the local Redshift."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.load.ledger import Ledger
from headrace_consumers.load.loading import Loading
from headrace_consumers.load.places import places_of
from headrace_consumers.load.reconciling import Reconciler
from headrace_consumers.load.service import Loader, LoaderPlan, LoadReport
from headrace_consumers.settings import LakeSettings, WarehouseSettings
from headrace_consumers.warehouse.plan import wanted_of
from headrace_consumers.warehouse.redshift import Redshift
from headrace_consumers.warehouse.schema import apply
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_local.redshift.server import RedshiftServer
from tests.consumers.windows_service.stack import Stack, local_stack

SCHEMA = "staging"


@dataclass
class Harbour:
    """`stack` has the log and the lake, `server` the warehouse. Loads are due at once."""

    stack: Stack
    server: RedshiftServer
    sessions: list[WarehouseSession] = field(default_factory=list)

    @property
    def settings(self) -> WarehouseSettings:
        return WarehouseSettings(
            warehouse_host="127.0.0.1", warehouse_port=self.server.port, warehouse_database="headrace",
            warehouse_user="headrace", warehouse_password="headrace", warehouse_ssl=False, warehouse_timeout_s=60,  # noqa: S106
        )  # fmt: skip

    def session(self) -> WarehouseSession:
        self.sessions.append(Redshift(self.settings).connect())
        return self.sessions[-1]

    def apply_schema(self) -> None:
        apply(self.session(), wanted_of(self.stack.pipeline, SCHEMA))

    @property
    def ledger(self) -> Ledger:
        return Ledger(SCHEMA, self.stack.lineage)

    def loader(self, session: WarehouseSession | None = None, **plan: Any) -> Loader:
        store = self.stack.store
        loading = Loading(self.ledger, store, "default", now_ms, new_attempt_id)
        places = places_of(self.stack.pipeline, LakeSettings())
        made = LoaderPlan(lineage=self.stack.lineage, places=places, **{"load_interval_s": 0.0, **plan})
        return Loader(made, self.stack.log, store, session or self.session(), loading, now_ms=now_ms)

    def reconciler(self) -> Reconciler:
        places = places_of(self.stack.pipeline, LakeSettings())
        return Reconciler(log=self.stack.log, session=self.session(), ledger=self.ledger, places=places)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        session = Redshift(self.settings).connect()
        try:
            return session.query(sql)
        finally:
            session.close()

    def ids(self) -> Counter[str]:
        """Event ids of the tides' table."""
        return Counter(event_id for (event_id,) in self.rows(f'SELECT event_id FROM "{SCHEMA}".tides'))  # noqa: S608

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        self.sessions.clear()


READINGS = 3


def commit(harbour: Harbour) -> None:
    """One commit more, of tides of one hour ago."""
    at = datetime.now(UTC) - timedelta(hours=1)
    harbour.stack.measure(*(at + timedelta(seconds=number) for number in range(READINGS)))


def check(harbour: Harbour) -> None:
    """Every event that was ever committed is in the table once, and the books agree with it."""
    ids = harbour.ids()
    assert set(ids.values()) == {1}
    found = harbour.reconciler().reconcile(now_ms(), since_s=3600, overdue_s=0)
    assert (found.findings, found.waiting) == ((), 0)
    assert len(ids) == READINGS * found.committed
    harbour.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def settle(loader: Loader) -> list[LoadReport]:
    """Steps until the log has nothing more."""
    reports = [loader.step()]
    while reports[-1].more or reports[-1].followed:
        reports.append(loader.step())
    return reports


@contextmanager
def local_harbour(folder: Path) -> Iterator[Harbour]:
    with local_stack(folder) as stack, RedshiftServer(folder / "redshift", aws_endpoint=stack.endpoint) as server:
        made = Harbour(stack, server)
        made.apply_schema()
        try:
            yield made
        finally:
            made.close()
