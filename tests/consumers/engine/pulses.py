"""The smallest pipeline: bare objects with a time and a text."""

from __future__ import annotations

from datetime import datetime

import msgspec

from headrace_consumers.pipeline import EventFormat, Grain, LakeTable, Pipeline
from headrace_producers.contracts import contract


@contract(name="pulse", version=1, partition_key="text", event_time="at")
class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """Something was there."""

    at: datetime
    text: str


pulses = Pipeline(
    name="pulses",
    stream="pulses",
    tables=(LakeTable("pulses", Pulse, Grain.DAY),),
    event_format=EventFormat.BARE,
)
REFERENCE = "tests.consumers.engine.pulses:pulses"
EVENT = b'{"at":"2013-01-01T00:00:00Z","text":"x"}'
ARRIVAL_MS = 1_400_000_000_000
