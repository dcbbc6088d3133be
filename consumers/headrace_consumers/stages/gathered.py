"""What the stages made of a batch so far, chunk by chunk of its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.stages.lateness import Judged, Timed, judge_lateness
from headrace_consumers.stages.letters import LETTER_SCHEMA, Letters
from headrace_consumers.stages.lines import Lines
from headrace_consumers.stages.parse import Parsed
from headrace_consumers.stages.repeats import Marked
from headrace_consumers.stages.rows import late_rows, raw_rows, rows_of
from headrace_consumers.stages.schemas import LATE_SCHEMA, POSITIONS_CODED, coded, without_commit
from headrace_consumers.stages.staged import ShardOutcome, StagedBatch


@dataclass(slots=True)
class Gathered:
    """`highest` is what each shard's highest event time was before the batch, and moves with it."""

    highest: dict[str, int | None]
    _tables: dict[str, list[pa.Table]] = field(default_factory=dict)
    _dead: list[pa.Table] = field(default_factory=list)
    _late: dict[str, list[npt.NDArray[np.bool_]]] = field(default_factory=dict)
    _late_letters: list[pa.Table] = field(default_factory=list)
    _rows: Counter[str] = field(default_factory=Counter)
    _rejected: Counter[str] = field(default_factory=Counter)
    _late_rows: Counter[str] = field(default_factory=Counter)

    def add_letters(self, lines: Lines, letters: Letters) -> None:
        self._dead.append(letters.table(lines))
        self._rejected.update(lines.shard_ids[letter.record] for letter in letters.found)

    def add_rows(self, pipeline: Pipeline, lines: Lines, valid: Sequence[tuple[LakeTable, Parsed]]) -> None:
        """The valid events of all tables of these lines."""
        if not valid:
            return
        timed = [Timed(table.name, parsed.lines, _times_us(table, parsed)) for table, parsed in valid]
        lateness_us = int(pipeline.allowed_lateness_s * 1_000_000)
        judged, reached = judge_lateness(lines, timed, self.highest, lateness_us)
        self.highest.update(reached)
        for table, parsed in valid:
            rows = rows_of(table, lines, parsed)
            self._tables.setdefault(table.name, []).append(rows)
            self._rows.update(lines.events_by_shard(parsed.lines))
            if table.name in pipeline.windowed_tables:
                self._add_late(table, lines, parsed, rows, judged[table.name])

    def _add_late(self, table: LakeTable, lines: Lines, parsed: Parsed, rows: pa.Table, judged: Judged) -> None:
        self._late.setdefault(table.name, []).append(judged.late)
        if judged.late.any():
            self._late_rows.update(lines.events_by_shard(parsed.lines[judged.late]))
            self._late_letters.append(late_rows(table, rows, judged))

    def staged(self, marked: Marked) -> StagedBatch:
        late_schema = coded(without_commit(LATE_SCHEMA), POSITIONS_CODED)
        return StagedBatch(
            tables={name: pa.concat_tables(parts) for name, parts in self._tables.items()},
            dead_letters=pa.concat_tables([LETTER_SCHEMA.empty_table(), *self._dead]),
            raw=raw_rows(marked),
            shards=self._outcomes(marked),
            late={name: np.concatenate(parts) for name, parts in self._late.items()},
            late_letters=pa.concat_tables([late_schema.empty_table(), *self._late_letters]),
        )

    def _outcomes(self, marked: Marked) -> dict[str, ShardOutcome]:
        records, repeats = Counter(marked.shard_ids), marked.repeats_by_shard()
        return {
            shard_id: ShardOutcome(
                records=records[shard_id],
                events=self._rows[shard_id] + self._rejected[shard_id],
                rows=self._rows[shard_id],
                dead_letters=self._rejected[shard_id],
                repeats=repeats[shard_id],
                late=self._late_rows[shard_id],
                lane_changes=marked.lane_changes[shard_id],
                highest_event_time_us=highest,
            )
            for shard_id, highest in self.highest.items()
        }


def _times_us(table: LakeTable, parsed: Parsed) -> npt.NDArray[np.int64]:
    times: npt.NDArray[np.int64] = parsed.data[table.contract.event_time].cast(pa.int64()).to_numpy()
    return times
