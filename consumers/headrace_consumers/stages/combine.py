"""Putting staged batches together, and carrying what a shard knows from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from headrace_consumers.pipeline import Grain, Pipeline
from headrace_consumers.stages.staged import ShardOutcome, ShardStart, StagedBatch


def concat_staged(first: StagedBatch, second: StagedBatch) -> StagedBatch:
    """The two batches as if they had been staged as one; `second` began where `first` ended."""
    names = dict.fromkeys([*first.tables, *second.tables])
    parts = {name: [batch.tables[name] for batch in (first, second) if name in batch.tables] for name in names}
    late = dict.fromkeys([*first.late, *second.late])
    shards = dict(first.shards)
    for shard_id, outcome in second.shards.items():
        shards[shard_id] = _sum(shards[shard_id], outcome) if shard_id in shards else outcome
    return StagedBatch(
        tables={name: pa.concat_tables(tables) for name, tables in parts.items()},
        dead_letters=pa.concat_tables([first.dead_letters, second.dead_letters]),
        raw=pa.concat_tables([first.raw, second.raw]),
        shards=shards,
        late={name: np.concatenate([b.late[name] for b in (first, second) if name in b.late]) for name in late},
        late_letters=pa.concat_tables([first.late_letters, second.late_letters]),
    )


def _sum(first: ShardOutcome, second: ShardOutcome) -> ShardOutcome:
    return replace(
        second,
        records=first.records + second.records,
        events=first.events + second.events,
        rows=first.rows + second.rows,
        dead_letters=first.dead_letters + second.dead_letters,
        repeats=first.repeats + second.repeats,
        late=first.late + second.late,
        lane_changes={**first.lane_changes, **second.lane_changes},
    )


def next_starts(
    starts: Mapping[str, ShardStart], staged: StagedBatch, lane_horizon_s: float
) -> dict[str, ShardStart]:  # fmt: skip
    """What each shard knows after the batch. Lanes silent for twice the horizon are dropped;
    the repeats stage itself forgets them at once after it, so no cut of the stream shows."""
    return {
        shard_id: _next(starts[shard_id], outcome, int(lane_horizon_s * 1000))
        for shard_id, outcome in staged.shards.items()
    }


def _next(start: ShardStart, outcome: ShardOutcome, horizon_ms: int) -> ShardStart:
    lanes = {**start.lanes, **outcome.lane_changes}
    newest = max((state.arrival_ms for state in outcome.lane_changes.values()), default=0)
    kept = {name: state for name, state in lanes.items() if newest - state.arrival_ms <= 2 * horizon_ms}
    return ShardStart(kept, outcome.highest_event_time_us)


def partition_values(times: pa.ChunkedArray, grain: Grain) -> pa.DictionaryArray:
    """The Hive value of each event time: formatted once per distinct day or hour."""
    step_us = _STEPS_US[grain]
    steps = pa.array(times.cast(pa.int64()).to_numpy() // step_us).dictionary_encode()
    names = pa.array([_formatted(step * step_us, grain) for step in steps.dictionary.to_pylist()], pa.string())
    named = names.dictionary_encode()
    return pa.DictionaryArray.from_arrays(named.indices.take(steps.indices), named.dictionary)


_HOUR_US = 3_600_000_000
_STEPS_US = {Grain.MONTH: 24 * _HOUR_US, Grain.DAY: 24 * _HOUR_US, Grain.HOUR: _HOUR_US}
"""Months begin with a day: calendars are asked of days only."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS = {Grain.MONTH: len("2013-01"), Grain.DAY: len("2013-01-31"), Grain.HOUR: len("2013-01-31T05")}


def _formatted(time_us: int, grain: Grain) -> str:
    """As `grain.time_format` says; the C library writes the year 999 without its zero."""
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat()[: _LENGTHS[grain]]


def partitions_of(pipeline: Pipeline, staged: StagedBatch) -> set[tuple[str, str]]:
    """Every (table, partition) that the rows fill; letters and raw records have one folder a day and do not count."""
    found: set[tuple[str, str]] = set()
    for table in pipeline.tables:
        rows = staged.tables.get(table.name)
        if rows is not None and rows.num_rows:
            values = partition_values(rows["event_time"], table.partition_by)
            found |= {(table.name, value) for value in values.dictionary.to_pylist()}
    return found
