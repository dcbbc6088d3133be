"""The stages of a batch: the table of contents of what happens to an event between Kinesis and Parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.records import ShardRecords
from headrace_consumers.stages.letters import LETTER_SCHEMA, Finding, Letter, Letters
from headrace_consumers.stages.lines import Lines, split_lines
from headrace_consumers.stages.parse import Parsed, joined_parsed, kept_parsed, parse_group
from headrace_consumers.stages.plain import read_plain
from headrace_consumers.stages.repeats import Marked, mark_repeats
from headrace_consumers.stages.route import route_lines
from headrace_consumers.stages.rows import raw_rows, rows_of
from headrace_consumers.stages.staged import ShardOutcome, ShardStart, StagedBatch
from headrace_consumers.stages.validate import find_invalid


def stage_batch(
    pipeline: Pipeline, batch: Sequence[ShardRecords], starts: Mapping[str, ShardStart], max_unpacked_bytes: int
) -> StagedBatch:
    """All stages over one batch. Pure; data of any kind becomes rows or letters and never raises."""
    marked = mark_repeats(batch, starts, pipeline.lane_horizon_s)
    tally = _Tally({piece.shard_id: starts[piece.shard_id].highest_event_time_us for piece in batch})
    parts: dict[str, list[pa.Table]] = {table.name: [] for table in pipeline.tables}
    dead = [LETTER_SCHEMA.empty_table()]
    for lines in split_lines(marked, max_unpacked_bytes):
        letters = Letters([_of_record(lines, *lost) for lost in lines.unreadable])
        for table, parsed in _decode(pipeline, lines, letters):
            valid = _validate(pipeline, table, lines, parsed, letters)
            if len(valid.lines):
                parts[table.name].append(rows_of(table, lines, valid))
                tally.add_rows(table, lines, valid)
        tally.add_letters(lines, letters)
        dead.append(letters.table(lines))
    tables = {name: pa.concat_tables(rows) for name, rows in parts.items() if rows}
    return StagedBatch(tables, pa.concat_tables(dead), raw_rows(marked), tally.outcomes(marked))


def _of_record(lines: Lines, record: int, index: int, reason: str) -> Letter:
    return Letter(record, index, lines.records[record].data, Finding("unpack", reason))


def _decode(pipeline: Pipeline, lines: Lines, letters: Letters) -> list[tuple[LakeTable, Parsed]]:
    """Lines as our producer writes them are read at sight, all others by the patient parser."""
    plain, rest = read_plain(pipeline, lines)
    found: dict[str, list[Parsed]] = {name: [parsed] for name, parsed in plain.items()}
    for table, chosen in route_lines(pipeline, lines, rest, letters).groups.values():
        text = lines.text if len(chosen) == len(lines) else lines.text.take(pa.array(chosen))
        parsed, bad, findings = parse_group(table.contract, pipeline.event_format, text, chosen)
        letters.add_lines(lines, bad, findings)
        found.setdefault(table.name, []).append(parsed)
    return [(table, joined_parsed(found[table.name])) for table in pipeline.tables if table.name in found]


def _validate(pipeline: Pipeline, table: LakeTable, lines: Lines, parsed: Parsed, letters: Letters) -> Parsed:
    arrival_us = lines.arrival_us(parsed.lines)
    skew_us = int(pipeline.max_skew_s * 1_000_000)
    invalid, findings = find_invalid(table.contract, pipeline.event_format, parsed, arrival_us, skew_us)
    if not invalid.any():
        return parsed
    letters.add_lines(lines, parsed.lines[invalid], findings)
    return kept_parsed(parsed, np.flatnonzero(~invalid))


@dataclass(slots=True)
class _Tally:
    """What the batch came to so far, per shard."""

    highest: dict[str, int | None]
    rows: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def add_rows(self, table: LakeTable, lines: Lines, valid: Parsed) -> None:
        times = valid.data[table.contract.event_time].cast(pa.int64()).to_numpy()
        for shard_id, count, latest_us in lines.by_shard(valid.lines, times):
            self.rows[shard_id] += count
            before = self.highest[shard_id]
            self.highest[shard_id] = latest_us if before is None else max(latest_us, before)

    def add_letters(self, lines: Lines, letters: Letters) -> None:
        self.rejected.update(lines.shard_ids[letter.record] for letter in letters.found)

    def outcomes(self, marked: Marked) -> dict[str, ShardOutcome]:
        records, repeats = Counter(marked.shard_ids), marked.repeats_by_shard()
        return {
            shard_id: ShardOutcome(
                records=records[shard_id],
                events=self.rows[shard_id] + self.rejected[shard_id],
                rows=self.rows[shard_id],
                dead_letters=self.rejected[shard_id],
                repeats=repeats[shard_id],
                lane_changes=marked.lane_changes[shard_id],
                highest_event_time_us=highest,
            )
            for shard_id, highest in self.highest.items()
        }
