"""What a shard's chain carries from batch to batch. Small and pure: whoever reads the log needs it, few need Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


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
