"""A backfill of everything, as one does it that knows of redrives: for what happens beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from headrace_batch.committing import Draft, commit, new_attempt, settle, upload
from headrace_consumers.commitlog.model import CommitKind, Replaced
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.lake.encode import encode_each
from headrace_consumers.records import ShardRecords
from headrace_consumers.stages import stage_batch
from headrace_consumers.stages.staged import ShardStart, StagedBatch
from tests.batch.letters.desk import MIB, SHARD, Desk

Position = tuple[str, str, int]


@dataclass
class Backfill:
    """As a backfill does it: all records of the stream are staged once more; what was redriven is passed over."""

    desk: Desk

    def __call__(self) -> None:
        place = self.desk.place()
        settle(place)
        standing, attempt_id = place.standing(), new_attempt(place)
        starts, records = {SHARD: ShardStart({}, None)}, self.desk.world.records[SHARD]
        staged = stage_batch(self.desk.pipeline, [ShardRecords(SHARD, records)], starts, MIB)
        staged = _without(staged, self._redriven())
        made = encode_each(self.desk.pipeline, staged, attempt_id, starts, {SHARD: (0, records[-1].position)})
        files = [file for file in made if file.zone != "raw"]
        draft = Draft(
            attempt_id=attempt_id,
            kind=CommitKind.BACKFILL,
            files=upload(place, files, attempt_id),
            retires=tuple(standing.sources),
            replaces=tuple(_rewritten(standing)),
        )
        commit(place, draft, standing.position, lambda _: False)

    def _redriven(self) -> set[Position]:
        """Positions that redrives brought rows of."""
        commits = self.desk.place().standing().commits
        ours = {attempt_id for attempt_id, one in commits.items() if one.kind is CommitKind.REDRIVE}
        return {position(row) for row in self.desk.rows() if row["commit_id"] in ours}


def position(row: Mapping[str, Any]) -> Position:
    return row["shard_id"], row["sequence_number"], row["record_index"]


def _rewritten(standing: Standing) -> Iterator[Replaced]:
    """Letters that redrives left: they came with commits that are retired, all of them."""
    for attempt_id, one in standing.commits.items():
        for file in one.files:
            if file.rewritten:
                yield Replaced(attempt_id, file.table, file.bucket, file.key)


def _without(staged: StagedBatch, gone: set[Position]) -> StagedBatch:
    def kept(rows: pa.Table) -> pa.Table:
        return rows.filter(pa.array([position(row) not in gone for row in rows.to_pylist()], pa.bool_()))

    tables = {name: kept(rows) for name, rows in staged.tables.items()}
    late = {name: np.zeros(len(tables[name]), np.bool_) for name in staged.late}
    return replace(staged, tables=tables, dead_letters=kept(staged.dead_letters), late=late)
