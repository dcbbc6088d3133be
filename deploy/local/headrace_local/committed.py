"""What the commit log says has been committed so far; read link by link, each once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headrace_consumers.commitlog.batch import BatchChain, Gone, batch_chain
from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import Chain, Commit, CommitKind, Link, LinkKind
from headrace_consumers.commitlog.standing import read_standing
from headrace_consumers.errors import MissingFileError
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.records import ROOT
from headrace_consumers.windows_service.chain import SHARD_ID as WINDOWS
from headrace_consumers.windows_service.chain import WindowsChain
from headrace_local.environment import AwsClients
from headrace_local.pipelines import flights
from headrace_local.resources import Resources


@dataclass(slots=True)
class ShardProgress:
    """One shard's chain up to its newest known link."""

    position: int = ROOT
    links: list[Link] = field(default_factory=list)
    """Those of commits."""
    owner: str = ""
    """Who wrote the newest link."""
    ended: bool = False
    """A terminal link stands: the shard was read to its end."""

    def add(self, link: Link) -> None:
        self.position = link.end
        self.owner = link.owner
        self.ended = link.kind is LinkKind.TERMINAL
        if link.kind is LinkKind.DATA:
            self.links.append(link)


@dataclass(frozen=True, slots=True)
class WindowsProgress:
    """How far the windows service is."""

    commits: int
    complete: bool
    """All that was committed when this was read is merged, and every window is out."""


@dataclass(slots=True)
class Committed:
    """Follows the log: `refresh` reads what is new and blocks on the network. A rewind is followed, too: what it takes
    back is committed no more."""

    clients: AwsClients
    resources: Resources
    pipeline: str = flights.name
    generation: int = 1
    """At the last `refresh`."""
    chains: dict[Chain, ShardProgress] = field(default_factory=dict)
    """Of all generations."""
    gaps: int = 0
    """Links that stand for records that were lost: none, in a sound run."""
    _gone: Gone = field(init=False)
    _batch: list[Commit] = field(default_factory=list)

    def __post_init__(self) -> None:
        chain = BatchChain(log=self.log(), pipeline=self.pipeline, generation=self.generation, owner="headrace-local")
        self._gone = Gone(chain)

    @property
    def shards(self) -> Mapping[str, ShardProgress]:
        """Of the newest generation."""
        return {chain.shard_id: one for chain, one in self.chains.items() if chain.generation == self.generation}

    @property
    def attempts(self) -> set[str]:
        """The commits that stand, of the stream and of batch."""
        streamed = {link.attempt_id for progress in self.chains.values() for link in progress.links}
        return (streamed | {commit.attempt_id for commit in self._batch}) - self._gone.retired

    @property
    def events(self) -> int:
        """Rows and dead letters of the stream's records."""
        return sum(self.events_by_shard().values())

    def events_by_shard(self) -> Counter[str]:
        """By the links of all commits that no rewind took back; what a backfill staged once more counts as before."""
        taken_back = self._taken_back()
        found: Counter[str] = Counter()
        for chain, progress in self.chains.items():
            counts = [link.counts for link in progress.links if link.attempt_id not in taken_back]
            found[chain.shard_id] += sum(count.rows + count.dead_letters for count in counts)
        return found

    def _taken_back(self) -> set[str]:
        """What rewinds retired, and what that had retired itself."""
        retires: dict[str, set[str]] = {}
        found: set[str] = set()
        for commit in self._batch:
            inner = (retires.get(commit_id, set()) for commit_id in commit.retires)
            retires[commit.attempt_id] = {*commit.retires}.union(*inner)
            if commit.kind is CommitKind.REWIND:
                found |= retires[commit.attempt_id]
        return found

    def refresh(self) -> None:
        log = self.log()
        self._batch += self._gone.catch_up()
        lineage = self.lineage()
        self.generation = lineage.generation
        for chain in self._chains(log, lineage):
            progress = self.chains.setdefault(chain, ShardProgress())
            for link in log.links_after(chain, progress.position):
                progress.add(link)
                self.gaps += link.kind is LinkKind.GAP

    def commits(self) -> Iterator[Commit]:
        """Every commit that stands, with the files that are still of the lake."""
        yield from read_standing(self.log(), self.pipeline, self.lineage().stream_created_ms).commits.values()

    def windows(self) -> WindowsProgress:
        """Of the chains as they were at the last `refresh`."""
        chain = WindowsChain(
            log=self.log(), store=self._store(), lineage=self.lineage(), now_ms=_now_ms, owner="headrace-local"
        )
        try:
            tip = chain.open()
        except MissingFileError:  # a newer commit has replaced the state that this one named
            return WindowsProgress(0, complete=False)
        merged = tip.manifest.progress.get(self.generation, {})
        ends = {shard_id: progress.position for shard_id, progress in self.shards.items()}
        behind = any(shard_id not in merged or merged[shard_id].position != end for shard_id, end in ends.items())
        is_open = any(
            partition.closes_us > window.emitted_up_to_us
            for window in tip.manifest.windows.values()
            for partition in window.partitions.values()
        )
        behind |= tip.manifest.batch_position < self._gone.position
        return WindowsProgress(tip.position, complete=bool(merged) and not behind and not is_open)

    def processed_keys(self) -> Counter[str]:
        """The files that the log says are in the processed zone."""
        bucket = self.resources.processed_bucket
        return Counter(file.key for commit in self.commits() for file in commit.files if file.bucket == bucket)

    def tips(self) -> dict[Chain, int]:
        """Where each chain ends: those of the shards and of batch as they were at the last `refresh`, and the
        windows'."""
        ends = {chain: progress.position for chain, progress in self.chains.items()}
        windows = self.lineage().chain(WINDOWS)
        return {**ends, windows: self.windows().commits, batch_chain(self.pipeline): self._gone.position}

    def lineage(self) -> Lineage:
        created_ms = KinesisStream(self.clients.kinesis, self.resources.stream).identity().created_ms
        return Lineage(self.pipeline, self.log().generation(self.pipeline), created_ms)

    def log(self) -> DynamoDbLog:
        return DynamoDbLog(self.clients.dynamodb, self.resources.log_table, self._store())

    def _store(self) -> S3Store:
        return S3Store(self.clients.s3, self.resources.lake_settings.buckets)

    def _chains(self, log: DynamoDbLog, lineage: Lineage) -> Iterator[Chain]:
        for generation in range(1, lineage.generation + 1):
            yield from log.chains(lineage.pipeline, generation, lineage.stream_created_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
