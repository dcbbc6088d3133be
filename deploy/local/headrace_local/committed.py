"""What the commit log says has been committed so far; read link by link, each once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import Commit, Link, LinkKind
from headrace_consumers.commitlog.rewinding import newest_standing
from headrace_consumers.errors import MissingFileError
from headrace_consumers.kinesis import KinesisStream
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.windows_service.chain import SHARD_ID as WINDOWS
from headrace_consumers.windows_service.chain import WindowsChain
from headrace_local.environment import AwsClients
from headrace_local.pipelines import flights
from headrace_local.resources import Resources


@dataclass(slots=True)
class ShardProgress:
    """One shard's chain up to its newest known link."""

    position: int = 0
    rows: int = 0
    dead_letters: int = 0
    repeats: int = 0
    owner: str = ""
    """Who wrote the newest link."""
    ended: bool = False
    """A terminal link stands: the shard was read to its end."""

    @property
    def events(self) -> int:
        return self.rows + self.dead_letters

    def add(self, link: Link) -> None:
        self.position = link.end
        self.rows += link.counts.rows
        self.dead_letters += link.counts.dead_letters
        self.repeats += link.counts.repeats
        self.owner = link.owner
        self.ended = link.kind is LinkKind.TERMINAL


@dataclass(frozen=True, slots=True)
class WindowsProgress:
    """How far the windows service is."""

    commits: int
    complete: bool
    """All that was committed when this was read is merged, and every window is out."""


@dataclass(slots=True)
class Committed:
    """Follows the log: `refresh` reads what is new and blocks on the network. After a rewind, what stands of the
    generations before counts on."""

    clients: AwsClients
    resources: Resources
    pipeline: str = flights.name
    shards: dict[str, ShardProgress] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    """Of the commits, and the generation of each."""
    generation: int = 0
    gaps: int = 0
    """Links that stand for records that were lost: none, in a sound run."""

    @property
    def events(self) -> int:
        return sum(shard.events for shard in self.shards.values())

    def refresh(self) -> None:
        log, lineage = self.log(), self.lineage()
        if lineage.generation != self.generation:
            self.shards, self.attempts, self.gaps, self.generation = {}, {}, 0, lineage.generation
        for chain in log.chains(lineage.pipeline, lineage.generation, lineage.stream_created_ms):
            known = self.shards.get(chain.shard_id)
            links = log.links_after(chain, known.position) if known else reversed(list(newest_standing(log, chain)))
            progress = self.shards.setdefault(chain.shard_id, ShardProgress())
            for link in links:
                progress.add(link)
                if link.kind is LinkKind.DATA:
                    self.attempts[link.attempt_id] = link.chain.generation
                self.gaps += link.kind is LinkKind.GAP

    def commits(self) -> Iterator[Commit]:
        """Every commit that a link names."""
        log = self.log()
        for attempt_id, generation in sorted(self.attempts.items()):
            commit = log.commit(self.pipeline, generation, attempt_id)
            if commit is not None:
                yield commit

    def windows(self) -> WindowsProgress:
        """Of the shards as they were at the last `refresh`."""
        chain = WindowsChain(
            log=self.log(), store=self._store(), lineage=self.lineage(), now_ms=_now_ms, owner="headrace-local"
        )
        try:
            tip = chain.open()
        except MissingFileError:  # a newer commit has replaced the state that this one named
            return WindowsProgress(0, complete=False)
        merged = {shard_id: progress.position for shard_id, progress in tip.manifest.shards.items()}
        behind = any(merged.get(shard_id) != progress.position for shard_id, progress in self.shards.items())
        is_open = any(
            partition.closes_us > window.emitted_up_to_us
            for window in tip.manifest.windows.values()
            for partition in window.partitions.values()
        )
        return WindowsProgress(tip.position, complete=bool(merged) and not behind and not is_open)

    def processed_keys(self) -> Counter[str]:
        """The files that the log says are in the processed zone."""
        bucket = self.resources.processed_bucket
        return Counter(file.key for commit in self.commits() for file in commit.files if file.bucket == bucket)

    def tips(self) -> dict[str, int]:
        """Where each chain ends: those of the shards as they were at the last `refresh`, and the windows'."""
        ends = {shard_id: progress.position for shard_id, progress in self.shards.items()}
        return {**ends, WINDOWS: self.windows().commits}

    def lineage(self) -> Lineage:
        created_ms = KinesisStream(self.clients.kinesis, self.resources.stream).identity().created_ms
        return Lineage(self.pipeline, self.log().generation(self.pipeline), created_ms)

    def log(self) -> DynamoDbLog:
        return DynamoDbLog(self.clients.dynamodb, self.resources.log_table, self._store())

    def _store(self) -> S3Store:
        return S3Store(self.clients.s3, self.resources.lake_settings.buckets)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
