"""Files of any content, committed: a pipeline of its own for each test, over one harbour."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import Committed
from headrace_consumers.commitlog.model import Commit, Link
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.load.ledger import Entry, FileState, Ledger
from headrace_consumers.load.loading import Loading
from headrace_consumers.load.places import places_of
from headrace_consumers.load.reconciling import Finding, Reconciler
from headrace_consumers.load.releasing import Releaser
from headrace_consumers.load.service import Loader, LoaderPlan, LoadReport
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.records import ROOT
from headrace_consumers.settings import LakeSettings
from headrace_consumers.stages.schemas import table_schema
from headrace_consumers.warehouse.plan import wanted_of
from headrace_consumers.warehouse.schema import apply
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_producers.contracts import contract
from tests.consumers.load.harbour import SCHEMA, Harbour, now_ms, settle

SHARD = "shardId-000000000000"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROWS = 3
_numbers = itertools.count()


@contract(name="gauge.read", version=1, partition_key="station", event_time="read_at")
class GaugeRead(msgspec.Struct, frozen=True, kw_only=True):
    """A gauge."""

    station: Annotated[str, msgspec.Meta(max_length=4)]
    read_at: datetime
    level_mm: int
    note: Annotated[str, msgspec.Meta(max_length=8)] | None = None


@contract(name="lamp.seen", version=1, partition_key="station", event_time="seen_at")
class LampSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A lamp; its files are as the gauges'."""

    station: Annotated[str, msgspec.Meta(max_length=4)]
    seen_at: datetime
    level_mm: int
    note: Annotated[str, msgspec.Meta(max_length=8)] | None = None


@dataclass
class Quay:
    """`gauges` and `lamps` are the names of its tables; nothing else is in them."""

    harbour: Harbour
    number: int = field(default_factory=lambda: next(_numbers))
    position: int = ROOT

    def __post_init__(self) -> None:
        self.gauges, self.lamps = f"gauges_{self.number}", f"lamps_{self.number}"
        tables = (LakeTable(self.gauges, GaugeRead, Grain.DAY), LakeTable(self.lamps, LampSeen, Grain.DAY))
        self.pipeline = Pipeline(name=f"quay_{self.number}", stream="tides", tables=tables)
        self.apply_schema()
        self.begin_generation()

    def begin_generation(self) -> None:
        """What is committed from here on is of the newest one."""
        log = self.harbour.stack.log
        self.lineage = Lineage(self.pipeline.name, log.generation(self.pipeline.name), 1)
        log.register(self.lineage.chain(SHARD))

    # --- the warehouse

    def apply_schema(self) -> None:
        session = self.harbour.session()
        apply(session, wanted_of(self.pipeline, SCHEMA))
        session.close()

    def sql(self, statement: str) -> None:
        """By an operator's hand; `gauges` and `lamps` stand for the tables."""
        session = self.harbour.session()
        session.run(self._named(statement))
        session.close()

    def rename(self, table: str, name: str) -> None:
        session = self.harbour.session()
        session.run(f"ALTER TABLE {SCHEMA}.{table} RENAME TO {name}")
        session.close()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return self.harbour.rows(self._named(query))

    def _named(self, sql: str) -> str:
        for name in ("gauges", "lamps"):
            sql = sql.replace(name, f"{SCHEMA}.{getattr(self, name)}")
        return sql

    def ids(self, table: str = "gauges") -> Counter[str]:
        return Counter(event_id for (event_id,) in self.ask(f"SELECT event_id FROM {table}"))  # noqa: S608

    # --- the loader

    @property
    def ledger(self) -> Ledger:
        return Ledger(SCHEMA, self.lineage)

    def loader(self, session: WarehouseSession | None = None, *, log: Any = None, **plan: Any) -> Loader:
        store = self.harbour.stack.store
        loading = Loading(self.ledger, store, "default", now_ms, new_attempt_id)
        made = LoaderPlan(
            lineage=self.lineage,
            places=places_of(self.pipeline, LakeSettings()),
            **{"load_interval_s": 0.0, "held_retry_s": 0.0, **plan},
        )
        log, session = log or self.harbour.stack.log, session or self.harbour.session()
        return Loader(made, log, store, session, loading, now_ms=now_ms)

    def load(self) -> list[LoadReport]:
        """By a loader that knows nothing but the books."""
        try:
            return settle(self.loader())
        finally:
            self.harbour.close()

    def release(self, *urls: str) -> tuple[Entry, ...]:
        releaser = Releaser(self.ledger, self.harbour.session(), now_ms)
        return releaser.release(urls)

    def reasons(self, state: FileState) -> dict[str, str]:
        """By URL."""
        session = self.harbour.session()
        found = {entry.file.url: entry.reason for entry in self.ledger.entries(session, state)}
        session.close()
        return found

    def load_seqs(self) -> list[int]:
        """Of its loads, in their order."""
        own = f"FROM \"{SCHEMA}\".loader_ledger WHERE pipeline = '{self.pipeline.name}'"
        return [int(seq) for (seq,) in self.ask(f"SELECT DISTINCT load_seq {own} ORDER BY 1")]

    def empty(self) -> None:
        """A warehouse of which nothing is left: the next loader begins from nothing."""
        for table in ("gauges", "lamps"):
            self.sql(f"DELETE FROM {table}")  # noqa: S608
        for book in ("ledger", "positions", "erasures"):
            self.sql(f"DELETE FROM \"{SCHEMA}\".loader_{book} WHERE pipeline = '{self.pipeline.name}'")  # noqa: S608

    def findings(self) -> tuple[Finding, ...]:
        places = places_of(self.pipeline, LakeSettings())
        session = self.harbour.session()
        reconciler = Reconciler(log=self.harbour.stack.log, session=session, ledger=self.ledger, places=places)
        found = reconciler.reconcile(now_ms(), since_s=3600, overdue_s=0).findings
        session.close()
        return found

    # --- the lake

    def schema(self, table: str = "gauges") -> pa.Schema:
        declared = self.pipeline.table(getattr(self, table))
        return table_schema(declared)

    def rows(self, table: str = "gauges", **columns: Any) -> pa.Table:
        """As a worker would write them; `columns` are other values of some."""
        schema = self.schema(table)
        event_time = "read_at" if table == "gauges" else "seen_at"
        common: dict[str, Any] = {
            "station": "Hull", "level_mm": 1, "note": "calm", event_time: NOON, "event_time": NOON, "shard_id": SHARD,
            "sequence_number": "1", "record_index": 0, "arrival_time": NOON, "commit_id": "",
        }  # fmt: skip
        made = {name: [common.get(name)] * ROWS for name in schema.names}
        made["event_id"] = [f"event-{next(_numbers)}" for _ in range(ROWS)]
        made |= {name: values if isinstance(values, list) else [values] * ROWS for name, values in columns.items()}
        return pa.table(made, schema=schema)

    def cargo(self, table: str, number: int) -> list[tuple[str, pa.Table]]:
        """So many files for `commit`."""
        return [(table, self.rows(table)) for _ in range(number)]

    def commit(self, *files: tuple[str, pa.Table], complete: bool = True, key: str = "{id}.parquet") -> list[str]:
        """One commit of these files, each of a table; their URLs."""
        attempt_id = new_attempt_id(now_ms())
        pending = self.upload(attempt_id, *files, key=key)
        self._append(attempt_id, pending)
        for file in pending if complete else ():
            self.harbour.stack.store.complete(file, attempt_id)
        return [url_of(file) for file in pending]

    def upload(
        self, attempt_id: str, *files: tuple[str, pa.Table], key: str = "{id}.parquet", rewritten: bool = False
    ) -> tuple[PendingFile, ...]:
        """Pending files of a commit, each in a folder of its own. Rewritten ones are in the first one, and each of
        their rows goes on naming the commit that brought it."""
        pending = []
        for number, (table, rows) in enumerate(files):
            where = f"{getattr(self, table)}/{0 if rewritten else number}/{key.format(id=attempt_id)}"
            body = parquet(rows if rewritten else _with_commit(rows, attempt_id))
            encoded = EncodedFile(getattr(self, table), "", "processed", where, rows.num_rows, body, rewritten)
            pending.append(self.harbour.stack.store.upload_pending(encoded, attempt_id))
        return tuple(pending)

    def commit_rows(self, table: str = "gauges", **columns: Any) -> str:
        [url] = self.commit((table, self.rows(table, **columns)))
        return url

    def _append(self, attempt_id: str, files: tuple[PendingFile, ...]) -> None:
        chain = self.lineage.chain(SHARD)
        commit = Commit(
            attempt_id=attempt_id, pipeline=chain.pipeline, generation=chain.generation, files=files, shards=(SHARD,),
            contracts=("gauge.read.v1",), code_version="test", written_ms=now_ms(),
        )  # fmt: skip
        link = Link(
            chain=chain, start=self.position, end=self.position + 1, end_sequence_number=str(self.position + 1),
            attempt_id=attempt_id, written_ms=now_ms(),
        )  # fmt: skip
        assert isinstance(self.harbour.stack.log.append(commit, [link], "engine"), Committed)
        self.position += 1

    def make_again(self, url: str, rows: pa.Table) -> None:
        """As `repair` does, of these rows."""
        log, store = self.harbour.stack.log, self.harbour.stack.store
        attempt_id = commit_of(url)
        old = log.commit(self.pipeline.name, self.lineage.generation, attempt_id)
        assert old is not None
        [lost] = old.files
        body = parquet(_with_commit(rows, attempt_id))
        assert len(body) != lost.bytes
        made = store.upload_pending(EncodedFile(lost.table, "", "processed", lost.key, rows.num_rows, body), attempt_id)
        assert log.replace_files(old, msgspec.structs.replace(old, files=(made,)))

    def body(self, url: str) -> bytes:
        return bytes(self.harbour.stack.store.read(*place(url)))

    def put(self, url: str, body: bytes, *, keep_metadata: bool = True) -> None:
        """Other bytes in its place; S3 goes on saying what it said of the file."""
        s3, (bucket, key) = self.harbour.stack.s3, place(url)
        said = s3.head_object(Bucket=bucket, Key=key)["Metadata"] if keep_metadata else {}
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=said)

    def manifests(self) -> set[tuple[str, str]]:
        """That loads have left behind."""
        return self.harbour.stack.curated(f"{self.pipeline.name}_loads/")


def parquet(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue()


def url_of(file: PendingFile) -> str:
    return f"s3://{file.bucket}/{file.key}"


def commit_of(url: str) -> str:
    """The id of the commit that wrote the file."""
    return url.rsplit("/", 1)[1].removesuffix(".parquet").split("-")[0]


def place(url: str) -> tuple[str, str]:
    bucket, key = url.removeprefix("s3://").split("/", 1)
    return bucket, key


def retyped(rows: pa.Table, name: str, values: Any) -> pa.Table:
    """With another column in its place."""
    return rows.set_column(rows.schema.get_field_index(name), name, values)


def renamed(rows: pa.Table, names: Mapping[str, str]) -> pa.Table:
    return rows.rename_columns([names.get(name, name) for name in rows.column_names])


def _with_commit(rows: pa.Table, attempt_id: str) -> pa.Table:
    index = rows.schema.get_field_index("commit_id")
    return rows.set_column(index, rows.schema.field("commit_id"), pa.array([attempt_id] * rows.num_rows, pa.string()))
