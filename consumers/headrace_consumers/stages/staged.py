"""The small named records that pass between the stages. Arrow tables inside, no clock, no S3, no KCL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_consumers.lanes import Lanes, LaneState, ShardStart

__all__ = ["LaneState", "Lanes", "ShardOutcome", "ShardStart", "StagedBatch"]


@dataclass(frozen=True, slots=True)
class ShardOutcome:
    """What one batch made of one shard's records."""

    records: int
    events: int
    rows: int
    dead_letters: int
    repeats: int
    """Records (packs) dropped because their lane had accepted their number before."""
    late: int
    """Rows, among `rows`, that came too late for windows."""
    lane_changes: Lanes
    highest_event_time_us: int | None


@dataclass(frozen=True, slots=True)
class StagedBatch:
    """The outcome of all stages over one batch, before it has a commit id.

    `tables` maps a lake table to its rows: `table_schema` without commit_id, POSITIONS_CODED as dictionaries;
    `dead_letters` has DEAD_LETTER_SCHEMA, `raw` RAW_SCHEMA (see stages/schemas.py), both without commit_id.
    """

    tables: Mapping[str, pa.Table]
    dead_letters: pa.Table
    raw: pa.Table
    shards: Mapping[str, ShardOutcome]
    late: Mapping[str, npt.NDArray[np.bool_]]
    """Of each table with windows: which of its rows came too late for them."""
    late_letters: pa.Table
    """LATE_SCHEMA without commit_id, POSITIONS_CODED as dictionaries."""

    @property
    def rows(self) -> int:
        return sum(table.num_rows for table in self.tables.values())
