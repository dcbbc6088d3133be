"""The small named records that pass between the stages. Arrow tables inside, no clock, no S3, no KCL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa


class LaneState(msgspec.Struct, frozen=True, array_like=True):
    """The last accepted pack of a lane and when the stream took it."""

    number: int
    arrival_ms: int


Lanes = Mapping[str, LaneState]
"""Lane name (`<producer id>/<shard at packing>`) to its state."""


@dataclass(frozen=True, slots=True)
class ShardStart:
    """What the chain knows of a shard where the batch begins."""

    lanes: Lanes = field(default_factory=dict)
    highest_event_time_us: int | None = None
    """Greatest event time among valid, unrepeated events so far; microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class ShardOutcome:
    """What one batch made of one shard's records."""

    records: int
    events: int
    rows: int
    dead_letters: int
    repeats: int
    """Records (packs) dropped because their lane had accepted their number before."""
    lane_changes: Lanes
    highest_event_time_us: int | None


@dataclass(frozen=True, slots=True)
class StagedBatch:
    """The outcome of all stages over one batch, before it has a commit id.

    `tables` maps a lake table to its rows: the contract's columns and META_COLUMNS without commit_id;
    `dead_letters` has DEAD_LETTER_SCHEMA, `raw` RAW_SCHEMA (see stages/schemas.py), both without commit_id.
    """

    tables: Mapping[str, pa.Table]
    dead_letters: pa.Table
    raw: pa.Table
    shards: Mapping[str, ShardOutcome]

    @property
    def rows(self) -> int:
        return sum(table.num_rows for table in self.tables.values())
