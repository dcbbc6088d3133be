"""The stages of a batch: the table of contents of what happens to an event between Kinesis and Parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.pipeline import LakeTable, Pipeline
from headrace_consumers.records import ShardRecords
from headrace_consumers.stages.letters import Letters
from headrace_consumers.stages.lines import Ints, Lines, split_lines
from headrace_consumers.stages.parse import Parsed, parse_group
from headrace_consumers.stages.repeats import Marked, mark_repeats
from headrace_consumers.stages.route import route_lines
from headrace_consumers.stages.schemas import COMMIT_FIELD, RAW_SCHEMA, table_schema
from headrace_consumers.stages.staged import ShardOutcome, ShardStart, StagedBatch
from headrace_consumers.stages.validate import find_invalid


def stage_batch(
    pipeline: Pipeline, batch: Sequence[ShardRecords], starts: Mapping[str, ShardStart], max_unpacked_bytes: int
) -> StagedBatch:
    """All stages over one batch. Pure; data of any kind becomes rows or letters and never raises."""
    marked = mark_repeats(batch, starts, pipeline.lane_horizon_s)
    lines, letters = split_lines(marked, max_unpacked_bytes)
    valid: dict[str, _Valid] = {}
    for table, chosen in route_lines(pipeline, lines, letters).groups.values():
        parsed = _parse(pipeline, table, lines, chosen, letters)
        valid[table.name] = _validate(pipeline, table, lines, parsed, letters)
    tables = {name: _rows(table, lines, valid[name]) for name, table in _by_name(pipeline) if name in valid}
    return StagedBatch(tables, letters.table(), _raw(marked), _outcomes(batch, starts, marked, lines, letters, valid))


@dataclass(frozen=True, slots=True)
class _Valid:
    """Valid rows of one table."""

    parsed: Parsed
    event_time_us: Ints


def _by_name(pipeline: Pipeline) -> list[tuple[str, LakeTable]]:
    return [(table.name, table) for table in pipeline.tables]


def _parse(pipeline: Pipeline, table: LakeTable, lines: Lines, chosen: Ints, letters: Letters) -> Parsed:
    text = lines.text if len(chosen) == len(lines) else lines.text.take(pa.array(chosen))
    parsed, bad, findings = parse_group(table.contract, pipeline.event_format, text, chosen)
    letters.add_lines(lines, bad, findings)
    return parsed


def _validate(pipeline: Pipeline, table: LakeTable, lines: Lines, parsed: Parsed, letters: Letters) -> _Valid:
    arrival_us = lines.arrival_us(parsed.lines)
    skew_us = int(pipeline.max_skew_s * 1_000_000)
    invalid, findings = find_invalid(table.contract, pipeline.event_format, parsed, arrival_us, skew_us)
    if invalid.any():
        letters.add_lines(lines, parsed.lines[invalid], findings)
        kept = pa.array(np.flatnonzero(~invalid))
        envelope = parsed.envelope.take(kept) if parsed.envelope.num_columns else parsed.envelope
        parsed = Parsed(parsed.lines[~invalid], envelope, parsed.data.take(kept))
    times = parsed.data[table.contract.event_time].cast(pa.int64()).to_numpy()
    return _Valid(parsed, times)


def _rows(table: LakeTable, lines: Lines, valid: _Valid) -> pa.Table:
    schema = table_schema(table)
    positions = lines.positions(valid.parsed.lines)
    envelope, data = valid.parsed.envelope, valid.parsed.data
    columns = {name: data[name] for name in data.column_names} | positions
    columns["event_id"] = envelope["id"] if envelope.num_columns else _derived_ids(positions)
    columns["event_time"] = data[table.contract.event_time]
    own = schema.remove(schema.get_field_index(COMMIT_FIELD.name))
    return pa.Table.from_arrays([columns[field.name] for field in own], schema=own)


def _derived_ids(positions: Mapping[str, pa.Array]) -> pa.Array:
    index = positions["record_index"].cast(pa.string())
    return pc.binary_join_element_wise(positions["shard_id"], positions["sequence_number"], index, "/")


def _raw(marked: Marked) -> pa.Table:
    records = marked.records
    own = RAW_SCHEMA.remove(RAW_SCHEMA.get_field_index(COMMIT_FIELD.name))
    arrivals = pa.array([record.approximate_arrival_timestamp for record in records], pa.timestamp("ms", "UTC"))
    columns = {
        "data": pa.array([record.data for record in records], pa.binary()),
        "shard_id": pa.array(marked.shard_ids, pa.string()),
        "sequence_number": pa.array([record.sequence_number for record in records], pa.string()),
        "sub_sequence_number": pa.array([record.sub_sequence_number for record in records], pa.int64()),
        "arrival_time": arrivals.cast(own.field("arrival_time").type),
        "partition_key": pa.array([record.partition_key for record in records], pa.string()),
        "repeat": pa.array(marked.repeats, pa.bool_()),
    }
    return pa.Table.from_arrays([columns[field.name] for field in own], schema=own)


def _outcomes(
    batch: Sequence[ShardRecords],
    starts: Mapping[str, ShardStart],
    marked: Marked,
    lines: Lines,
    letters: Letters,
    valid: Mapping[str, _Valid],
) -> dict[str, ShardOutcome]:
    records = Counter(marked.shard_ids)
    repeats = marked.repeats_by_shard()
    rejected = Counter(row["shard_id"] for row in letters.rows)
    rows: Counter[str] = Counter()
    highest = {piece.shard_id: starts[piece.shard_id].highest_event_time_us for piece in batch}
    for part in valid.values():
        for shard_id, count, latest_us in lines.by_shard(part.parsed.lines, part.event_time_us):
            rows[shard_id] += count
            highest[shard_id] = max(latest_us, highest[shard_id] or latest_us)
    return {
        shard_id: ShardOutcome(
            records=records[shard_id],
            events=rows[shard_id] + rejected[shard_id],
            rows=rows[shard_id],
            dead_letters=rejected[shard_id],
            repeats=repeats[shard_id],
            lane_changes=marked.lane_changes[shard_id],
            highest_event_time_us=highest[shard_id],
        )
        for shard_id in highest
    }
