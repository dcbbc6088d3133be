"""What the commit log says: links that form one chain per shard, and the commits that they belong to."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.lanes import LaneState

FORMAT = 1
"""Readers refuse items of a higher number."""
LISTED_FORMAT = 2
"""Of a commit whose files are listed elsewhere: a reader that knows no such lists must not take it for an empty one."""


class Chain(msgspec.Struct, frozen=True):
    """Names the chain of one shard. The stream's creation time keeps a recreated stream's equal shard ids apart."""

    pipeline: str
    generation: int
    stream_created_ms: int
    shard_id: str


class LinkKind(StrEnum):
    DATA = "data"
    GAP = "gap"
    """Records between start and end were lost to us (expired, or adopted by an operator): never silent."""
    TERMINAL = "terminal"
    """The shard ended here. Start equals end; nothing can follow."""


class Counts(msgspec.Struct, frozen=True):
    records: int = 0
    events: int = 0
    rows: int = 0
    dead_letters: int = 0
    repeats: int = 0
    late: int = 0
    """Rows, among `rows`, that came too late for windows."""


class Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a shard's chain: all records after `start` up to and including `end` belong to `attempt_id`."""

    chain: Chain
    start: int
    end: int
    end_sequence_number: str
    """KCL's own text of `end`, echoed at the checkpoint."""
    attempt_id: str
    kind: LinkKind = LinkKind.DATA
    ordinal: int = 0
    """How many links stand before this one; every 100th carries the full lane table."""
    lanes: dict[str, LaneState] = {}
    lanes_full: bool = False
    lanes_key: str = ""
    """Names the object that holds `lanes` where they are over 32 KB."""
    highest_event_time_us: int | None = None
    counts: Counts = Counts()
    arrival_ms: int = 0
    """Arrival of the last record at or before `end`."""
    written_ms: int = 0
    children: tuple[str, ...] = ()
    """Of a terminal link: the shards that go on from here."""
    reason: str = ""
    """Of a gap: why."""
    owner: str = ""
    """The worker that wrote it."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """The files that became visible together, for all the links of one transaction."""

    attempt_id: str
    pipeline: str
    generation: int
    files: tuple[PendingFile, ...]
    shards: tuple[str, ...]
    contracts: tuple[str, ...]
    """Types (`<name>.v<version>`) that the rows follow."""
    code_version: str
    written_ms: int
    counts: Counts = Counts()
    format: int = FORMAT
