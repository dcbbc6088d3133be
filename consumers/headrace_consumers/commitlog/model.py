"""What the commit log says: links that form one chain per shard, and the commits that they belong to."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.lanes import LaneState

FORMAT = 1
"""Readers refuse items of a higher number."""
LISTED_FORMAT = 2
"""Of a commit whose files are listed elsewhere: a reader that knows no such lists must not take it for an empty one."""
BATCH_FORMAT = 3
"""Of a commit that batch wrote: a reader that does not know what it retires would count rows twice."""
LISTED_BATCH_FORMAT = 4
"""The same, its files listed elsewhere."""


class Chain(Struct, frozen=True):
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
    FORK = "fork"
    """After a rewind, the first link of a chain: from the root to where the generation before is kept."""
    FENCE = "fence"
    """Stands alone, for a thing that may be done once: its chain is the thing's name."""


class CommitKind(StrEnum):
    """What brought a commit's rows."""

    STREAM = "stream"
    LANDING = "landing"
    """A file that somebody sent."""
    REDRIVE = "redrive"
    """Dead letters that were mended."""
    BACKFILL = "backfill"
    """Records of the raw zone, staged once more; retires the commits that they came with."""
    COMPACTION = "compaction"
    """No rows: the same ones in fewer files."""
    FORGET = "forget"
    """No rows: fewer of them, one person's taken out."""
    REWIND = "rewind"
    """No rows: retires what came after a point."""
    TRANSFORM = "transform"
    """No rows of events: what was computed from them, in a table of its own."""


class Replaced(Struct, frozen=True, array_like=True):
    """A file that left the lake; what is still wanted of it is in files of the commit that says so."""

    commit_id: str
    table: str
    bucket: str
    key: str


class RewindState(StrEnum):
    SEALED = "sealed"
    """The generation before can commit no more; where each shard goes on is not settled yet."""
    OPEN = "open"
    """Workers may begin."""


class Rewind(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a generation began, and how far its beginning is. The point is a time of arrival, or a record of a shard."""

    pipeline: str
    generation: int
    """The one that it begins."""
    previous: int
    """The one that it ended."""
    attempt_id: str
    to_ms: int = 0
    shard_id: str = ""
    """Where it is not empty, the point is a record: `sequence_number` of this shard."""
    sequence_number: str = ""
    reason: str
    owner: str
    """Who began it; named in its links, whoever ends it."""
    sealed_ms: int
    state: RewindState = RewindState.SEALED


class Erasure(Struct, frozen=True, array_like=True):
    """Rows of one value that leave the warehouse, and never come into it again; the value itself is not told."""

    table: str
    column: str
    sha256: str
    """Of the value's text in UTF-8, in lower-case hexadecimal digits."""


class Counts(Struct, frozen=True):
    records: int = 0
    events: int = 0
    rows: int = 0
    dead_letters: int = 0
    repeats: int = 0
    late: int = 0
    """Rows, among `rows`, that came too late for windows."""


class Link(Struct, frozen=True, kw_only=True, omit_defaults=True):
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


class Commit(Struct, frozen=True, kw_only=True):
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
    kind: CommitKind = CommitKind.STREAM
    retires: tuple[str, ...] = ()
    """Commits whose rows leave every table: this one brings what they should have brought."""
    replaces: tuple[Replaced, ...] = ()
    """Files whose rows stay what they are, but for those that are meant to go."""
    letters_of: tuple[str, ...] = ()
    """Of a redrive: the commits whose dead letters it mends."""
    erases: tuple[Erasure, ...] = ()
    """Of a forget: whose rows go."""
    record: str = ""
    """Why, in the words of whoever had it done; and the record's name where there is one."""


def is_raw(commit: Commit, file: PendingFile) -> bool:
    """Whether the file has records as they came; a table may be called as the pipeline."""
    return file.table == commit.pipeline and file.partition.startswith("arrival_date=")
