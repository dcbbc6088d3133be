"""A warehouse that a loader's own steps fill, load by load, and `headrace-sql` as a process over it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.load.amendments import NOTHING_AMENDED, Amendments
from headrace_consumers.load.ledger import Ledger
from headrace_consumers.load.loading import Loading
from headrace_consumers.load.preflight import read_footer
from headrace_consumers.load.waiting import LakeFile
from headrace_consumers.settings import WarehouseSettings
from headrace_consumers.warehouse.plan import wanted_of
from headrace_consumers.warehouse.redshift import Redshift
from headrace_consumers.warehouse.schema import apply as apply_schema
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_consumers.windows_service.emitting import curated_schema
from headrace_local.flights.data import FlightsData, lists_csv, unpack_data
from headrace_local.flights.source import FlightsSource, SourceEvent, SourceSettings
from headrace_local.folder import StackFolder
from headrace_local.pipelines import flights
from headrace_local.stack import OwnedStack, StackPlan, owned_stack
from headrace_local.warehouse import warehouse_settings, warehouse_target
from headrace_sql.build import BuildReport
from headrace_sql.lock import TABLE
from tests.local.landed import landed
from tests.local.test_flights import files_of, line_of
from tests.local.test_warehouse import put_file, put_window
from tests.local.test_window_oracle import windows_of

SCHEMA = "staging"
PIPELINE = "headrace_local.pipelines:flights"
LINEAGE = Lineage("flights", 1, 0)
PROJECT = Path(__file__).resolve().parents[2] / "sql"
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
WHAT_LOADS_CHANGE = ("--select", "stg_loads+", "dim_plane", "dim_airport")
"""All models that can be others after a load."""
PATIENCE_S = 120.0
_FIRST_EVENTS = 3_000
_FIRST_LOADS = 3
_MOST_FLIGHTS = 20_000


Contents = Mapping[str, Counter[tuple[Any, ...]]]
"""Rows by the names of their tables."""


@dataclass(frozen=True)
class Ran:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        return self.err.splitlines()[-1]

    @property
    def report(self) -> BuildReport:
        return msgspec.json.decode(self.out.splitlines()[-1], type=BuildReport)


@dataclass
class World:
    """`events` goes on with flights and weather that were not loaded before."""

    stack: OwnedStack
    target: WarehouseSettings
    events: Iterator[SourceEvent]
    work_dir: Path
    builder: str = "headrace"
    """As whom the command signs in to the warehouse."""
    is_built: bool = False
    """Whether the models have all loads."""
    store: S3Store = field(init=False)
    ledger: Ledger = field(default=Ledger(SCHEMA, LINEAGE), init=False)

    def __post_init__(self) -> None:
        self.store = S3Store(self.stack.clients.s3, self.stack.resources.lake_settings.buckets)

    # --- the warehouse

    @contextmanager
    def session(self) -> Iterator[WarehouseSession]:
        with closing(Redshift(self.target).connect()) as session:
            yield session

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.session() as session:
            return session.query(sql)

    def run(self, *statements: str) -> None:
        with self.session() as session:
            for statement in statements:
                session.run(statement)

    def contents(self, *schemas: str) -> Contents:
        """All rows of all tables there, each as often as it is there; the lock's is no table of the models."""
        named = ", ".join(f"'{schema}'" for schema in schemas)
        with self.session() as session:
            tables = session.query(
                f"SELECT schemaname, tablename FROM pg_catalog.pg_tables WHERE schemaname IN ({named})"  # noqa: S608
            )
            return {
                f"{schema}.{table}": Counter(session.query(f'SELECT * FROM "{schema}"."{table}"'))  # noqa: S608
                for schema, table in tables
                if table != TABLE
            }

    # --- the lake and the loader

    def commit(self, events: Iterable[SourceEvent]) -> list[LakeFile]:
        """The files of one commit."""
        attempt_id = new_attempt_id(now_ms())
        bucket = self.stack.resources.processed_bucket
        return [
            put_file(self.stack, bucket, file.key, bytes(file.body), attempt_id)
            for file in files_of([line_of(event) for event in events], attempt_id, now_ms())
        ]

    def next_commit(self, events: int) -> list[LakeFile]:
        return self.commit(islice(self.events, events))

    def window(self, name: str, *rows: dict[str, Any]) -> LakeFile:
        """One commit of the windows service; what a row does not say of its state is that of a first revision."""
        window = next(window for window in flights.windows if window.name == name)
        schema = curated_schema(window, flights.table(window.table).contract)
        said = [{"events": 1, "revision": 1, "early": False, "deleted": False, **row} for row in rows]
        columns = pa.schema([one for one in schema if one.name != "commit_id"])
        return put_window(self.stack, name, pa.Table.from_pylist(said, columns), new_attempt_id(now_ms()))

    def land(self, source: str, path: Path) -> list[LakeFile]:
        """The files of a list that landed, by the code that lands any."""
        return landed(self.stack, source, path)

    def load(
        self,
        files: Iterable[LakeFile],
        session: WarehouseSession | None = None,
        amendments: Amendments = NOTHING_AMENDED,
    ) -> int:
        """One load of them; its number."""
        if session is None:
            with self.session() as own:
                return self.load(files, own, amendments)
        self.is_built, waiting = False, list(files)
        loading = Loading(self.ledger, self.store, "default", now_ms, new_attempt_id)
        looks = {file.url: read_footer(self.store, file) for file in waiting}
        outcome = loading.load(session, self.ledger.head(session), waiting, {}, looks=looks, amendments=amendments)
        assert set(outcome.loaded) == set(waiting)
        return self.ledger.head(session)

    # --- the command

    @property
    def environment(self) -> dict[str, str]:
        told = {
            **self.stack.resources.settings,
            **warehouse_settings(self.stack.await_warehouse()),
            "warehouse_user": self.builder,
        }
        return os.environ | {f"HEADRACE_{name.upper()}": str(value) for name, value in told.items()}

    def start(self, *arguments: str, work_dir: Path | None = None) -> subprocess.Popen[str]:
        self.is_built = False
        name, *others = arguments
        program, folder = str(Path(sys.executable).with_name("headrace-sql")), str(work_dir or self.work_dir)
        line = [program, name, "--work-dir", folder, *others]
        return subprocess.Popen(line, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def command(self, *arguments: str, work_dir: Path | None = None) -> Ran:
        return ended(self.start(*arguments, work_dir=work_dir))

    def build(self, *dbt_arguments: str) -> BuildReport:
        """One that succeeds."""
        ran = self.command("build", "--json", "--", *dbt_arguments)
        assert ran.code == 0, ran.out + ran.err
        self.is_built = "--select" not in dbt_arguments or set(WHAT_LOADS_CHANGE) < set(dbt_arguments)
        return ran.report

    def have_built(self) -> None:
        """The models have all loads, by one build if need be."""
        if not self.is_built:
            self.build(*NO_TESTS)


def ended(process: subprocess.Popen[str]) -> Ran:
    with process:
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    return Ran(process.returncode, out, err)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def flights_world(
    root: Path, loader: Callable[[WarehouseSettings], WarehouseSettings] = lambda admin: admin
) -> Iterator[World]:
    """The year's first flights in some loads, and their windows; `loader` says as whom they are loaded, and may prepare
    the empty warehouse. The stack's folder has a short path, for Unix sockets live below it."""
    data = unpack_data(root)
    source = FlightsSource(data, SourceSettings(_MOST_FLIGHTS))
    with tempfile.TemporaryDirectory(prefix="hrs-", dir="/tmp") as short, closing(source):
        folder = StackFolder("models", Path(short) / f"headrace-{os.getuid()}")
        with owned_stack(folder, StackPlan(shards=1), warehouse=True) as stack:
            target = loader(warehouse_target(stack.await_warehouse()))
            world = World(stack, target, source.events(), root / "target")
            _fill(world, data)
            yield world


def _fill(world: World, data: FlightsData) -> None:
    with world.session() as session:
        apply_schema(session, wanted_of(flights, SCHEMA))
        for _ in range(_FIRST_LOADS):
            world.load(world.next_commit(_FIRST_EVENTS // _FIRST_LOADS), session)
        world.load([file for name, path in lists_csv().items() for file in world.land(name, path)], session)
        windows = windows_of(data).items()
        world.load([put_window(world.stack, name, rows, new_attempt_id(now_ms())) for name, rows in windows], session)


def at(moment: str) -> datetime:
    """UTC."""
    return datetime.fromisoformat(f"{moment}+00:00")
