"""A stream as the windows service sees it: its log and lake in memory, commits written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec.structs import replace as replaced

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commitlog import keys
from headrace_consumers.commitlog.batch import BATCH, NO_GENERATION, BatchChain
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.log import Beat, Committed
from headrace_consumers.commitlog.model import Commit, CommitKind, Link, LinkKind, Replaced
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.shards import Shard, StreamIdentity
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps

BUCKETS = {"raw": "raw", "processed": "processed", "curated": "curated"}
TIDES = Lineage("tides", 1, 1_700_000_000_000)
STEP = 10
"""How far each link goes."""


@dataclass
class Sea:
    """All that outlives a windows service. Shards are named by a letter or two."""

    dynamo: MemoryDynamo = field(default_factory=MemoryDynamo)
    s3: MemoryS3 = field(default_factory=MemoryS3)
    listed: dict[str, Shard] = field(default_factory=dict)
    tips: dict[str, Link] = field(default_factory=dict)
    history: list[dict[str, Link]] = field(default_factory=list)
    """The links of each transaction of the current generation."""
    generation: int = TIDES.generation
    now_ms: int = TIDES.stream_created_ms
    attempts: int = 0

    def __post_init__(self) -> None:
        self.log().generation(TIDES.pipeline)

    @property
    def lineage(self) -> Lineage:
        return replace(TIDES, generation=self.generation)

    # --- StreamView

    def identity(self) -> StreamIdentity:
        return StreamIdentity("tides", TIDES.stream_created_ms, 24)

    def shards(self) -> Mapping[str, Shard]:
        return dict(self.listed)

    # --- AWS

    def log(self, steps: Steps | None = None) -> DynamoDbLog:
        client: Any = self.dynamo.as_seen_by(steps or Steps())
        return DynamoDbLog(client, "log", self.store(steps))

    def store(self, steps: Steps | None = None) -> S3Store:
        client: Any = self.s3.as_seen_by(steps or Steps())
        return S3Store(client, BUCKETS)

    # --- what the stream and its engines do

    def add_shard(self, shard_id: str, *parents: str, opened: bool = True) -> None:
        """The parents close; `opened` says whether a worker has opened the shard."""
        for parent in parents:
            self.listed[parent] = replace(self.listed[parent], closed=True)
        self.listed[shard_id] = Shard(shard_id, 0, 1, parents)
        if opened:
            self.log().register(self.lineage.chain(shard_id))

    def commit(
        self, times_us: Mapping[str, int | None], files: Sequence[EncodedFile] = (), *, complete: bool = True
    ) -> Commit:
        """An engine's commit: a link of each shard, whose own highest event time is given, and these files."""
        log, store, attempt_id = self.log(), self.store(), self._attempt()
        pending = tuple(store.upload_pending(file, attempt_id) for file in files)
        commit = Commit(
            attempt_id=attempt_id, pipeline=TIDES.pipeline, generation=self.generation, files=pending,
            shards=tuple(times_us), contracts=(), code_version="1", written_ms=self.now_ms,
        )  # fmt: skip
        links = [self._link(shard_id, attempt_id, time_us=time_us) for shard_id, time_us in times_us.items()]
        assert log.append(commit, links, "engine") == Committed()
        self._stand(links)
        for file in pending if complete else ():
            store.complete(file, attempt_id)
        return commit

    def end(self, shard_id: str, *children: str) -> None:
        """The shard's terminal link."""
        self._alone(replace_link(self._link(shard_id, self._attempt(), step=0), LinkKind.TERMINAL, children))

    def gap(self, shard_id: str) -> None:
        self._alone(replace_link(self._link(shard_id, self._attempt()), LinkKind.GAP))

    def beat(self, shard_id: str) -> None:
        """The shard is idle now, at its tip."""
        self.log().beat(self.lineage.chain(shard_id), Beat(self.now_ms, self.position(shard_id)))

    # --- what batch does

    def batch(
        self, files: Sequence[EncodedFile] = (), *, retires: Sequence[str] = (), replaces: Sequence[Replaced] = (),
        kind: CommitKind = CommitKind.BACKFILL,
    ) -> Commit:  # fmt: skip
        """A batch commit; its files stay pending until it is settled."""
        log, store, attempt_id = self.log(), self.store(), self._attempt()
        commit = Commit(
            attempt_id=attempt_id, pipeline=TIDES.pipeline, generation=NO_GENERATION, shards=(BATCH,), contracts=(),
            files=tuple(store.upload_pending(file, attempt_id) for file in files), code_version="1",
            written_ms=self.now_ms, kind=kind, retires=tuple(retires), replaces=tuple(replaces),
        )  # fmt: skip
        chain = BatchChain(log=log, pipeline=TIDES.pipeline, generation=self.generation, owner="batch")
        chain.append(commit, chain.position(), lambda _other: True)
        return commit

    def raise_generation(self, keep: int, *, by: int = 1) -> list[str]:
        """Seals the generation, and forks the chains of the next from the first `keep` transactions of this one; the
        commits that came after them, which the rewind is to retire."""
        gone = self.history[keep:]
        kept: dict[str, Link] = {}
        for links in self.history[:keep]:
            kept |= links
        self.generation += by
        for copy in range(keys.GENERATION_COPIES):
            item = self.dynamo.items[keys.generation_key(TIDES.pipeline), f"{copy:02d}"]
            item["generation"] = {"N": str(self.generation)}
        self.history, self.tips = [], {}
        for shard_id in self.listed:
            self.log().register(self.lineage.chain(shard_id))
        for shard_id, link in kept.items():
            self._fork(shard_id, link)
        beyond = (link for links in gone for link in links.values() if link.kind is LinkKind.DATA)
        return sorted({link.attempt_id for link in beyond})

    def _fork(self, shard_id: str, tip: Link) -> None:
        chain = self.lineage.chain(shard_id)
        self.log().register(chain)
        fork = replaced(
            tip, chain=chain, start=0, kind=LinkKind.FORK, ordinal=0, attempt_id=self._attempt(), children=()
        )
        self._alone(fork)
        if tip.kind is LinkKind.TERMINAL:
            self._alone(replaced(tip, chain=chain, attempt_id=self._attempt()))

    def position(self, shard_id: str) -> int:
        return self.tips[shard_id].end if shard_id in self.tips else 0

    def _alone(self, link: Link) -> None:
        assert self.log().append(None, [link], "engine") == Committed()
        self._stand([link])

    def _stand(self, links: Sequence[Link]) -> None:
        self.history.append({link.chain.shard_id: link for link in links})
        self.tips |= self.history[-1]

    def _link(self, shard_id: str, attempt_id: str, *, time_us: int | None = None, step: int = STEP) -> Link:
        tip = self.tips.get(shard_id)
        start = self.position(shard_id)
        known = [time for time in (time_us, tip.highest_event_time_us if tip else None) if time is not None]
        return Link(
            chain=self.lineage.chain(shard_id), start=start, end=start + step, end_sequence_number=str(start + step),
            attempt_id=attempt_id, highest_event_time_us=max(known, default=None),
        )  # fmt: skip

    def _attempt(self) -> str:
        self.attempts += 1
        return new_attempt_id(self.now_ms + self.attempts)


def replace_link(link: Link, kind: LinkKind, children: tuple[str, ...] = ()) -> Link:
    return replaced(link, kind=kind, children=children)
