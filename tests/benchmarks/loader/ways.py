"""Three ways of bringing the same files into the same tables."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import redshift_connector

from headrace_consumers.aws import UPLOAD_CONNECTIONS
from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.load.ledger import Ledger
from headrace_consumers.load.loading import Loading
from headrace_consumers.load.places import places_of
from headrace_consumers.load.service import Loader, LoaderPlan
from headrace_consumers.load.waiting import LakeFile
from headrace_consumers.settings import LakeSettings
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_local.pipelines import flights
from tests.benchmarks.loader.commits import Lake, now_ms
from tests.benchmarks.loader.warehouse import Spent, Warehouse

INSERTED = "flights_departed"
PLACES = places_of(flights, LakeSettings())


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one way did."""

    rows: int
    spent: Spent

    @property
    def rows_per_s(self) -> float:
        """Of wall time."""
        return self.rows / self.spent.wall_s

    @property
    def rows_per_cpu_s(self) -> float:
        return self.rows / self.spent.cpu_s


def by_the_loader(lake: Lake, warehouse: Warehouse, schema: str = "staging", max_load_files: int = 2_000) -> Loaded:
    """From the log on: following, preflight, COPY by manifest, books, one transaction. Full with one file, it loads
    each commit by itself, hence each file by a COPY of its own."""
    with ThreadPoolExecutor(UPLOAD_CONNECTIONS // 2) as pool, warehouse.session(schema) as session:
        with warehouse.measured() as spent:
            loader = make_loader(lake, session, schema, pool, max_load_files=max_load_files)
            rows = 0
            while (report := loader.step()).loaded or report.more:
                rows += sum(file.rows for file in report.loaded)
        return Loaded(rows, spent[0])


def make_loader(lake: Lake, session: WarehouseSession, schema: str, pool: ThreadPoolExecutor, **plan: Any) -> Loader:
    loading = Loading(Ledger(schema, lake.lineage), lake.store, "default", now_ms, new_attempt_id)
    made = LoaderPlan(lineage=lake.lineage, places=PLACES, **{"load_interval_s": 0.0, **plan})
    return Loader(made, lake.log, lake.store, session, loading, now_ms=now_ms, pool=pool)


def by_one_copy_per_file(files: Sequence[LakeFile], warehouse: Warehouse) -> Loaded:
    """Which files there are is known for nothing, nothing is looked at, and each COPY is its own transaction."""
    with warehouse.session("copy_per_file") as session:
        with warehouse.measured() as spent:
            for file in files:
                session.run(f"COPY copy_per_file.{file.table} FROM '{file.url}' IAM_ROLE default FORMAT AS PARQUET")
        return Loaded(sum(file.rows for file in files), spent[0])


def by_inserts(files: Sequence[LakeFile], lake: Lake, warehouse: Warehouse, rows: int) -> Loaded:
    """`executemany` of a sample, in one transaction; reading the files is for nothing."""
    sample = _sample(files, lake, rows)
    columns, values = list(sample[0]), [tuple(row.values()) for row in sample]
    statement = f"INSERT INTO inserts.{INSERTED} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608 - our own names
    settings = warehouse.settings
    with warehouse.session("inserts"):
        connection = redshift_connector.connect(
            host=settings.warehouse_host, port=settings.warehouse_port, database=settings.warehouse_database,
            user=settings.warehouse_user, password=settings.warehouse_password, ssl=False,
        )  # fmt: skip
        with connection, connection.cursor() as cursor, warehouse.measured() as spent:
            cursor.paramstyle = "format"
            cursor.executemany(statement, values)
            connection.commit()
    return Loaded(len(values), spent[0])


def _sample(files: Sequence[LakeFile], lake: Lake, rows: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for file in files:
        if file.table == INSERTED and len(found) < rows:
            table = pq.ParquetFile(io.BytesIO(lake.store.read(file.bucket, file.key))).read()
            found += table.slice(0, rows - len(found)).to_pylist()
    return found
