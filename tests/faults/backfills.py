"""Batch in the simulated world: a commit's rows staged once more, all of them or some, and its files taken out."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog.batch import BATCH, NO_GENERATION, BatchChain, Gone
from headrace_consumers.commitlog.model import Commit, CommitKind
from headrace_consumers.commitlog.tip import read_tip
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.windows.partials import partials_of
from headrace_consumers.windows_service.chain import SHARD_ID
from headrace_consumers.windows_service.tables import encoded
from tests.fakes.steps import Steps
from tests.faults.simulation import BUCKETS, World

ZONES = {bucket: zone for zone, bucket in BUCKETS.items()}


@dataclass
class Backfills:
    """Of a world whose pipeline has one table; these readings are late."""

    world: World
    late: set[str]

    def __post_init__(self) -> None:
        self.log, self.store = self.world.clients(Steps())
        name = self.world.pipeline.name
        self.generation = self.log.generation(name)
        self.chain = BatchChain(log=self.log, pipeline=name, generation=self.generation, owner="batch")

    def candidates(self) -> list[Commit]:
        """Those that stand and are visible whole, but for the tips of chains, which workers look after."""
        gone = Gone(self.chain)
        gone.catch_up()
        tips = {self._tip(shard_id) for shard_id in self.world.listed}
        names = sorted(pk.split("#")[1:] for pk, _ in self.world.dynamo.items if pk.startswith("commit#"))
        found = (self.log.commit(pipeline, int(generation), name) for pipeline, generation, name in names)
        return [
            commit for commit in found
            if commit is not None and commit.shards != (SHARD_ID,)
            and commit.attempt_id not in gone.retired | tips and self._is_visible(commit)
        ]  # fmt: skip

    def stage(self, commit: Commit, *, drops: bool) -> set[str]:
        """Retires the commit, and deletes its files but the raw one; the ids of readings that are no rows any more."""
        attempt_id = new_attempt_id(self.world.now_ms)
        rows = self._rows(commit)
        dropped = set(rows["event_id"].to_pylist()[::2]) if drops and len(rows) else set()
        files = tuple(
            self.store.upload_pending(file, attempt_id) for file in self._files(commit, attempt_id, rows, dropped)
        )
        backfill = Commit(
            attempt_id=attempt_id, pipeline=commit.pipeline, generation=NO_GENERATION, files=files, shards=(BATCH,),
            contracts=(), code_version="1", written_ms=self.world.now_ms, kind=CommitKind.BACKFILL,
            retires=(commit.attempt_id,),
        )  # fmt: skip
        self.chain.append(backfill, self.chain.position(), lambda _other: True)
        for file in files:
            self.store.complete(file, attempt_id)
        for file in commit.files:
            if file.bucket != BUCKETS["raw"]:
                self.store.delete(file.bucket, file.key)
        return dropped

    def _files(
        self, commit: Commit, attempt_id: str, rows: pa.Table, dropped: set[str]
    ) -> Iterator[EncodedFile]:  # fmt: skip
        stays = _but(rows, dropped)
        in_time = _but(stays, self.late)
        table = self.world.pipeline.partials_table
        for window in self.world.pipeline.windows if len(in_time) else ():
            partials = partials_of(window, self.world.pipeline.table(window.table).contract, in_time)
            if len(partials):
                key = f"{table}/{window.folder}/{attempt_id}.parquet"
                yield EncodedFile(table, window.folder, "curated", key, len(partials), encoded(partials))
        for file in commit.files:
            if file.bucket == BUCKETS["raw"] or file.table == table:
                continue
            held = self._read(file)
            kept = _but(held, dropped) if file.table == self.world.pipeline.tables[0].name else held
            if len(kept):
                key = f"{file.table}/{file.partition}/{attempt_id}.parquet"
                yield EncodedFile(file.table, file.partition, ZONES[file.bucket], key, len(kept), encoded(kept))

    def _rows(self, commit: Commit) -> pa.Table:
        table = self.world.pipeline.tables[0]
        held: Sequence[pa.Table] = [self._read(file) for file in commit.files if file.table == table.name
                                    and file.bucket == BUCKETS["processed"]]  # fmt: skip
        if not held:
            return pa.table({"event_id": pa.array([], pa.string())})
        return pa.concat_tables(held)

    def _read(self, file: PendingFile) -> pa.Table:
        return pq.read_table(io.BytesIO(self.store.read(file.bucket, file.key)))

    def _is_visible(self, commit: Commit) -> bool:
        return all(self.store.is_complete(file, commit.attempt_id) for file in commit.files)

    def _tip(self, shard_id: str) -> str:
        tip = read_tip(self.log, self.store, self.world.chain(shard_id, self.generation))
        return tip.attempt_id if tip else ""


def _but(rows: pa.Table, event_ids: set[str]) -> pa.Table:
    unwanted = pa.array(sorted(event_ids), pa.string())
    return rows.filter(pc.invert(pc.is_in(rows["event_id"].cast(pa.string()), unwanted)))
