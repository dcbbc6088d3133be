"""The demo's verdict on the warehouse, over a local Redshift that a loader's own steps have filled."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.load.loading import Loading
from headrace_consumers.load.preflight import read_footer
from headrace_consumers.load.reconciling import Finding, FindingKind
from headrace_consumers.load.waiting import ChainPosition, LakeFile
from headrace_consumers.warehouse.plan import wanted_of
from headrace_consumers.warehouse.redshift import Redshift
from headrace_consumers.warehouse.schema import apply as apply_schema
from headrace_local.flights.data import FlightsData, lists_csv, unpack_data
from headrace_local.flights.marts_expected import MODELS
from headrace_local.flights.marts_oracle import Copies, reconcile_marts
from headrace_local.flights.oracle import TABLES
from headrace_local.flights.source import FlightsSource, SourceSettings
from headrace_local.flights.warehouse_oracle import WarehouseVerdict, reconcile_warehouse
from headrace_local.folder import StackFolder
from headrace_local.lake_copy import LakeCopy, copy_lake
from headrace_local.loaded import Loaded, loaded_so_far
from headrace_local.models import building_models
from headrace_local.pipelines import flights
from headrace_local.progress import Nodes
from headrace_local.stack import OwnedStack, StackPlan, owned_stack
from headrace_local.warehouse import warehouse_target
from headrace_local.warehouse_copy import copy_warehouse, model_queries, staging_queries
from headrace_local.warehouse_judging import WarehouseJudgement
from headrace_local.workers import WorkerPlan
from tests.local.landed import landed
from tests.local.test_flights import ARRIVED_MS, lake_of, line_of
from tests.local.test_window_oracle import windows_of

SENT = 3_000
QUERIES = staging_queries(flights, "staging")
LINEAGE = Lineage("flights", 1, 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FlightsData:
    return unpack_data(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="module")
def stack() -> Iterator[OwnedStack]:
    """In a folder with a short path, for Unix sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="hrw-", dir="/tmp") as root:
        folder = StackFolder("warehouse", Path(root) / f"headrace-{os.getuid()}")
        with owned_stack(folder, StackPlan(shards=1), warehouse=True) as stack:
            yield stack


@dataclass(frozen=True)
class Warehouse:
    """Full of what was sent."""

    stack: OwnedStack
    loaded: Loaded
    curated: LakeCopy
    data: FlightsData

    def judged(self, root: Path) -> WarehouseVerdict:
        staging = copy_warehouse(self.loaded.session, self.stack.clients, QUERIES, root)
        return reconcile_warehouse(self.data, SENT, staging, self.curated)


@pytest.fixture(scope="module")
def full(stack: OwnedStack, data: FlightsData, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The year's first events and their windows, by a load half a minute after their arrival."""
    files = [*_processed(stack, data, tmp_path_factory.mktemp("lake")), *_curated(stack, windows_of(data))]
    files += [file for name, path in lists_csv().items() for file in landed(stack, name, path)]
    store = S3Store(stack.clients.s3, stack.resources.lake_settings.buckets)
    with applied(stack) as loaded:
        loading = Loading(loaded.ledger, store, "default", lambda: ARRIVED_MS + 30_000, new_attempt_id)
        looks = {file.url: read_footer(store, file) for file in files}
        outcome = loading.load(
            loaded.session, loaded.books.seq, files, {LINEAGE.chain("shard-0"): ChainPosition(7)}, looks=looks
        )
        assert not outcome.set_aside
        curated = copy_lake(stack.clients, stack.resources.curated_bucket, tmp_path_factory.mktemp("curated"))
        yield Warehouse(stack, loaded, curated, data)


@contextmanager
def applied(stack: OwnedStack) -> Iterator[Loaded]:
    """Once the schema is there."""
    url = stack.await_warehouse()
    with closing(Redshift(warehouse_target(url)).connect()) as session:
        apply_schema(session, wanted_of(flights, "staging"))
    with loaded_so_far(url, LINEAGE) as loaded:
        yield loaded


def _processed(stack: OwnedStack, data: FlightsData, root: Path) -> Iterator[LakeFile]:
    source = FlightsSource(data, SourceSettings(SENT))
    lake = lake_of([line_of(sent) for sent in source.events()], root)
    source.close()
    for key in sorted(lake.keys):
        yield put_file(stack, stack.resources.processed_bucket, key, (root / key).read_bytes())


def _curated(stack: OwnedStack, windows: dict[str, pa.Table]) -> Iterator[LakeFile]:
    for name, rows in windows.items():
        yield put_window(stack, name, rows, "attempt")


def put_window(stack: OwnedStack, name: str, rows: pa.Table, attempt_id: str) -> LakeFile:
    """A window's file of these rows, which lack nothing but their commit."""
    sink = io.BytesIO()
    commit = pa.array([attempt_id] * len(rows), pa.string())
    pq.write_table(rows.append_column("commit_id", commit), sink)
    key = f"{name}/{attempt_id}.parquet"
    return put_file(stack, stack.resources.curated_bucket, key, sink.getvalue(), attempt_id)


def put_file(stack: OwnedStack, bucket: str, key: str, body: bytes, attempt_id: str = "attempt") -> LakeFile:
    """In the lake, as a worker leaves it."""
    stack.clients.s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"attempt-id": attempt_id})
    rows = pq.read_metadata(io.BytesIO(body)).num_rows
    return LakeFile(attempt_id, key.split("/", maxsplit=1)[0], bucket, key, rows, len(body))


def test_what_a_loader_has_loaded_reconciles(full: Warehouse, tmp_path: Path) -> None:
    """Staging is the source row by row, and its views are the lake's windows, value by value."""
    verdict = full.judged(tmp_path)
    assert verdict.ok, verdict.sentence()
    assert verdict.loaded == verdict.expected > SENT
    assert WarehouseJudgement(verdict, (), 0.0).fault() is None


def test_what_dbt_builds_of_it_reconciles(full: Warehouse, tmp_path: Path) -> None:
    """Core and marts are what the CSV files say, by queries that share nothing with the models."""
    stack, shown = full.stack, list[Nodes]()
    with building_models(WorkerPlan(stack.folder, stack.endpoint, stack.resources), stack.await_warehouse()) as build:
        report = build.until_built(shown.append)
    assert report.ok, report.sentence()
    assert shown[-1].done == shown[-1].total > report.tests > 0
    models = copy_warehouse(full.loaded.session, stack.clients, model_queries(MODELS), tmp_path)
    verdict = reconcile_marts(full.data, SENT, Copies(LakeCopy(tmp_path, frozenset(), 0), full.curated, models))
    assert verdict.ok, verdict.sentence()
    assert all(table.rows == table.expected > 0 for table in verdict.tables)


FIRST = "event_id = (SELECT min(event_id) FROM staging.flights_departed)"
DELETED = f"DELETE FROM staging.flights_departed WHERE {FIRST}"  # noqa: S608
DOUBLED = f"INSERT INTO staging.flights_departed SELECT * FROM staging.flights_departed WHERE {FIRST}"  # noqa: S608
OTHER_CARRIER = f"UPDATE staging.flights_departed SET carrier = 'ZZ' WHERE {FIRST}"  # noqa: S608
OTHER_ID = f"UPDATE staging.flights_departed SET event_id = 'flight-0' WHERE {FIRST}"  # noqa: S608
SWALLOWED = """
    INSERT INTO staging.rotations (tailnum, window_start, window_end, events, revision, early, deleted, commit_id)
    SELECT tailnum, window_start, window_end, 0, 2, false, true, commit_id FROM staging.rotations LIMIT 1"""
ONE_MORE = """
    UPDATE staging.hourly_departures SET departures = departures + 1
    WHERE origin = 'JFK' AND window_start = (SELECT min(window_start) FROM staging.hourly_departures)"""
FAULTS = {
    "a row is deleted": (DELETED, {"missing": 1, "unequal": 1}),
    "a row is there twice": (DOUBLED, {"duplicates": 1, "unequal": 1}),
    "a flight bears another carrier": (OTHER_CARRIER, {"differing": 1, "unequal": 2}),
    "a row was never sent": (OTHER_ID, {"missing": 1, "strangers": 1, "differing": 1}),
    "a table is empty": ("DELETE FROM staging.weather_hourly", {"missing": 244, "unequal": 3}),
    "a window counts one more": (ONE_MORE, {"windows_wrong": 1}),
    "a window is deleted": (SWALLOWED, {"windows_wrong": 1}),
    "no window is there": ("DELETE FROM staging.rotations", {"windows_wrong": 2_695}),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_one_wrong_row_in_staging_is_noticed(kind: str, full: Warehouse, tmp_path: Path) -> None:
    """Whatever a hand changed: the verdict counts exactly that, and says so."""
    statement, counts = FAULTS[kind]
    session = full.loaded.session
    session.begin()
    try:
        session.run(statement)
        verdict = full.judged(tmp_path)
    finally:
        session.rollback()
    noticed = ("duplicates", "missing", "strangers", "differing", "unequal", "windows_wrong")
    assert {name: getattr(verdict, name) for name in noticed if getattr(verdict, name)} == counts
    assert WarehouseJudgement(verdict, (), 0.0).fault() == verdict.sentence()


def test_a_finding_of_the_reconciler_is_a_fault_by_itself(full: Warehouse, tmp_path: Path) -> None:
    """Staging may be right, and the books not."""
    finding = Finding(FindingKind.HELD, "weather_hourly", "attempt", "s3://lake/weather_hourly/a.parquet")
    judged = WarehouseJudgement(full.judged(tmp_path), (finding,), 0.0)
    assert "held: weather_hourly, s3://lake/weather_hourly/a.parquet" in str(judged.fault())


def test_spoilt_events_must_not_be_loaded(full: Warehouse, tmp_path: Path) -> None:
    """A row whose event was spoilt on its way has come by no way that is sound."""
    staging = copy_warehouse(full.loaded.session, full.stack.clients, QUERIES, tmp_path)
    verdict = reconcile_warehouse(full.data, SENT, staging, full.curated, ["flight-1"])
    assert (verdict.strangers, verdict.missing, verdict.ok) == (1, 0, False)


def test_the_books_tell_how_far_the_loader_is(full: Warehouse) -> None:
    """All is loaded where no chain goes further than the books; one that has not begun hinders nobody."""
    full.loaded.refresh()
    assert full.loaded.rows > SENT
    chain = full.loaded.ledger.lineage.chain
    assert full.loaded.reaches({chain("shard-0"): 7, chain("windows"): 0})
    assert not full.loaded.reaches({chain("shard-0"): 8})
    assert not full.loaded.reaches({chain("shard-0"): 7, chain("windows"): 1})


def test_freshness_is_from_arrival_to_the_books(full: Warehouse) -> None:
    """Of the rows, not of the files: the slowest twentieth begins there."""
    assert full.loaded.freshness_p95_s(TABLES) == 30.0
    session = full.loaded.session
    session.begin()
    try:
        late = "UPDATE staging.{} SET arrival_time = arrival_time - INTERVAL '60 seconds'"
        session.run(late.format("flights_cancelled"))
        few = full.loaded.freshness_p95_s(TABLES)
        session.run(late.format("flights_departed"))
        assert (few, full.loaded.freshness_p95_s(TABLES)) == (30.0, 90.0)
    finally:
        session.rollback()
