"""A live run: events arrive all the time, are committed every 5 s and loaded every 5 s."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from headrace_consumers.load.ledger import Ledger
from headrace_local.loaded import Loaded
from headrace_local.pipelines import flights
from headrace_producers.packs import Pack
from tests.benchmarks.loader.commits import COMMIT_AGE_S, Lake, now_ms
from tests.benchmarks.loader.warehouse import Warehouse
from tests.benchmarks.loader.ways import make_loader

LOAD_INTERVAL_S = 5.0
POLL_INTERVAL_S = 1.0
"""The loader's default."""
SCHEMA = "staging"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long rows took from their arrival in the stream."""

    rows: int
    recorded_p95_s: float
    """To the time that the books name: when the load began that brought them."""
    slowest_load_s: float

    @property
    def p95_s(self) -> float:
        """To when they could be read."""
        return self.recorded_p95_s + self.slowest_load_s


def measure_freshness(lake: Lake, warehouse: Warehouse, batches: Iterator[list[Pack]], live_s: float) -> Freshness:
    stop = Event()
    with ThreadPoolExecutor(1) as service:
        loading = service.submit(_load, lake, warehouse, stop)
        rows = _commit(lake, batches, live_s)
        stop.set()
        slowest_s = loading.result()
    with warehouse.session(SCHEMA) as session:
        ledger = Ledger(SCHEMA, lake.lineage)
        found = Loaded(session, ledger, ledger.read(session))
        found.refresh()
        if found.rows != rows:
            raise AssertionError(f"{rows} rows were committed, {found.rows} are loaded")
        p95_s = found.freshness_p95_s([table.name for table in flights.tables])
    return Freshness(rows, p95_s, slowest_s)


def _commit(lake: Lake, batches: Iterator[list[Pack]], live_s: float) -> int:
    """Packs arrive evenly between two commits. How many rows were committed."""
    tables = {table.name for table in flights.tables}
    rows, began_s = 0, time.monotonic()
    ends = began_s
    while ends - began_s < live_s:
        ends += COMMIT_AGE_S
        time.sleep(max(ends - time.monotonic(), 0.0))
        packs = next(batches)
        step_ms = COMMIT_AGE_S * 1000 / len(packs)
        now = now_ms()
        commit = lake.commit(packs, [now - int(step_ms * number) for number in range(len(packs), 0, -1)])
        rows += sum(file.rows for file in commit.files if file.table in tables)
    return rows


def _load(lake: Lake, warehouse: Warehouse, stop: Event) -> float:
    """Until it is told to stop and nothing waits; how long the slowest load took."""
    slowest_s, waiting = 0.0, True
    with ThreadPoolExecutor(8) as pool, warehouse.session(SCHEMA) as session:
        loader = make_loader(lake, session, SCHEMA, pool, load_interval_s=LOAD_INTERVAL_S)
        while waiting or not stop.is_set():
            time.sleep(POLL_INTERVAL_S)
            began_s = time.monotonic()
            report = loader.step()
            waiting = bool(report.waiting_files or report.followed)
            if report.loaded:
                slowest_s = max(slowest_s, time.monotonic() - began_s)
    return slowest_s
