"""Letters through the stages that ran live: each at its own position, with its own arrival, and never late."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_batch.forget.forgotten import of_forgotten
from headrace_batch.letters.fixing import Fix
from headrace_consumers.commitlog.model import Erasure
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.records import KinesisRecord
from headrace_consumers.stages.letters import LETTER_SCHEMA, Finding, Letters
from headrace_consumers.stages.lines import placed_lines
from headrace_consumers.stages.rows import rows_of
from headrace_consumers.stages.schemas import LATE_SCHEMA, RAW_SCHEMA, without_commit
from headrace_consumers.stages.stage import judge_lines
from headrace_consumers.stages.staged import StagedBatch
from headrace_consumers.stages.unpack import Refusal, unpack

Places = npt.NDArray[np.int64]
LANDED = "landing/"
"""How the shard ids begin of what came with a file."""
_LANDED = Finding("redrive", "came_with_a_file")
_EMPTY = Finding("redrive", "nothing_in_it")
_SEVERAL = Finding("redrive", "several_events")
SENTENCES = {
    "came_with_a_file": "came with a file: send the file again, corrected, and `land` it with --instead-of its commit",
    "nothing_in_it": "the record held nothing: there is nothing to bring back",
    "several_events": "several events in one: of a whole record, backfill its time, which stages records anew",
    "fix_failed": "the program failed on it, or it is no JSON: see --raw",
    "fix_gave_nothing": "the program gave nothing, or null",
    "fix_gave_several": "the program gave more than one event",
    "fix_took_too_long": "the program took too long",
    "fix_died": "the program died of it",
}
"""Of reasons that no live stage gives."""


@dataclass(frozen=True, slots=True)
class Restaged:
    """What became of some letters. Places count into the table that was given."""

    rows: StagedBatch
    """Without letters and raw records: those stay where they are."""
    redriven: Places
    forgotten: Places
    """Of people who were forgotten: neither rows nor letters any more."""
    stayed: tuple[tuple[int, Finding], ...]
    """And what is wrong with each now."""

    @property
    def leaving(self) -> Places:
        """Those that are letters no more."""
        return np.concatenate([self.redriven, self.forgotten])


def restage(
    pipeline: Pipeline, letters: pa.Table, fix: Fix, max_unpacked_bytes: int, erasures: Collection[Erasure] = ()
) -> Restaged:
    """`letters` are rows of the dead letters' table. Blocks while the fix computes; data of any kind stays a letter and
    never raises."""
    mending = _Mending(fix, max_unpacked_bytes)
    mending.mend(letters)
    places = np.array(mending.places, np.int64)
    indexes = letters["record_index"].to_numpy()[places].astype(np.int64)
    lines = placed_lines(mending.records, mending.shard_ids, indexes)
    found = Letters()
    valid = judge_lines(pipeline, lines, found)
    again = [(mending.places[letter.record], letter.finding) for letter in found.found]
    tables, redriven, forgotten = {}, [places[:0]], [places[:0]]
    for table, parsed in valid:
        rows, mine = rows_of(table, lines, parsed), places[lines.record[parsed.lines]]
        gone = of_forgotten(table.name, rows, erasures)
        tables[table.name] = rows.filter(pa.array(~gone))
        redriven.append(mine[~gone])
        forgotten.append(mine[gone])
    return Restaged(
        rows=_staged(tables),
        redriven=np.sort(np.concatenate(redriven)),
        forgotten=np.sort(np.concatenate(forgotten)),
        stayed=tuple(sorted([*mending.stayed, *again], key=lambda one: one[0])),
    )


@dataclass(slots=True)
class _Mending:
    fix: Fix
    max_unpacked_bytes: int
    places: list[int] = field(default_factory=list)
    records: list[KinesisRecord] = field(default_factory=list)
    shard_ids: list[str] = field(default_factory=list)
    stayed: list[tuple[int, Finding]] = field(default_factory=list)

    def mend(self, letters: pa.Table) -> None:
        names = ("stage", "payload", "shard_id", "sequence_number")
        arrivals_ms = (letters["arrival_time"].cast(pa.int64()).to_numpy() // 1000).tolist()
        columns = [letters[name].to_pylist() for name in names]
        for place, (stage, payload, shard_id, number, at_ms) in enumerate(zip(*columns, arrivals_ms, strict=True)):
            mended = self._mended(stage, shard_id, payload)
            if isinstance(mended, Finding):
                self.stayed.append((place, mended))
                continue
            self.places.append(place)
            self.shard_ids.append(shard_id)
            self.records.append(KinesisRecord(mended, "", number, None, at_ms))

    def _mended(self, stage: str, shard_id: str, payload: bytes) -> bytes | Finding:
        if shard_id.startswith(LANDED):
            return _LANDED
        event = self._of_record(payload) if stage == "unpack" else payload
        mended = event if isinstance(event, Finding) else self.fix.mend(event)
        return mended if isinstance(mended, Finding) else _only_event(mended)

    def _of_record(self, data: bytes) -> bytes | Finding:
        """The only event of a whole record, where it can be unpacked by now."""
        text = unpack(data, self.max_unpacked_bytes)
        if isinstance(text, Refusal):
            return Finding("unpack", text.reason)
        return _only_event(text)


def _only_event(text: bytes) -> bytes | Finding:
    """A letter has one position, so it gives one event."""
    events = [line.strip() for line in text.split(b"\n") if line.strip()]
    return events[0] if len(events) == 1 else _SEVERAL if events else _EMPTY


def _staged(tables: dict[str, pa.Table]) -> StagedBatch:
    return StagedBatch(
        tables=tables,
        dead_letters=LETTER_SCHEMA.empty_table(),
        raw=without_commit(RAW_SCHEMA).empty_table(),
        shards={},
        late={name: np.zeros(len(rows), np.bool_) for name, rows in tables.items()},
        late_letters=without_commit(LATE_SCHEMA).empty_table(),
    )
