"""What the commit log says has been committed so far; read link by link, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from headrace_consumers.commitlog.dynamodb import DynamoDbLog
from headrace_consumers.commitlog.model import Chain, Commit, Link, LinkKind
from headrace_consumers.kinesis import KinesisStream
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


@dataclass(slots=True)
class Committed:
    """Follows the log: `refresh` reads what is new and blocks on the network."""

    clients: AwsClients
    resources: Resources
    pipeline: str = flights.name
    shards: dict[str, ShardProgress] = field(default_factory=dict)
    attempts: set[str] = field(default_factory=set)
    gaps: int = 0
    """Links that stand for records that were lost: none, in a sound run."""

    @property
    def events(self) -> int:
        return sum(shard.events for shard in self.shards.values())

    def refresh(self) -> None:
        log = self._log()
        for chain in self._chains(log):
            progress = self.shards.setdefault(chain.shard_id, ShardProgress())
            for link in log.links_after(chain, progress.position):
                progress.add(link)
                if link.kind is LinkKind.DATA:
                    self.attempts.add(link.attempt_id)
                self.gaps += link.kind is LinkKind.GAP

    def commits(self) -> Iterator[Commit]:
        """Every commit that a link names."""
        log = self._log()
        generation = log.generation(self.pipeline)
        for attempt_id in sorted(self.attempts):
            commit = log.commit(self.pipeline, generation, attempt_id)
            if commit is not None:
                yield commit

    def processed_keys(self) -> Counter[str]:
        """The files that the log says are in the processed zone."""
        bucket = self.resources.processed_bucket
        return Counter(file.key for commit in self.commits() for file in commit.files if file.bucket == bucket)

    def _log(self) -> DynamoDbLog:
        return DynamoDbLog(self.clients.dynamodb, self.resources.log_table)

    def _chains(self, log: DynamoDbLog) -> list[Chain]:
        created_ms = KinesisStream(self.clients.kinesis, self.resources.stream).identity().created_ms
        return log.chains(self.pipeline, log.generation(self.pipeline), created_ms)
