"""What an operator looks at: the pipeline's place in its stream, by the commit log and by Kinesis itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace_consumers.aws_retry import retried
from headrace_consumers.commitlog.batch import BatchChain, Gone
from headrace_consumers.commitlog.log import CommitLog
from headrace_consumers.commitlog.model import Chain, Commit, Link, LinkKind
from headrace_consumers.commitlog.rewinding import newest_standing
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.operate.leases import Lease, read_leases
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.runtime.job import application_name
from headrace_consumers.shards import StreamIdentity, StreamView

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineView:
    """One pipeline, its log, lake and stream. Methods only read, and block on the network."""

    pipeline: Pipeline
    log: CommitLog
    store: ObjectStore
    stream: StreamView
    kinesis: KinesisClient
    dynamodb: DynamoDBClient

    def place(self) -> Place:
        identity = self.stream.identity()
        return Place(identity, self.log.generation(self.pipeline.name))

    def chains(self, place: Place) -> list[Chain]:
        """All chains of the log and all shards of the stream, in order."""
        name, generation, created_ms = self.pipeline.name, place.generation, place.identity.created_ms
        known = {chain.shard_id for chain in self.log.chains(name, generation, created_ms)}
        shard_ids = sorted(known | self.stream.shards().keys())
        return [Chain(name, generation, created_ms, shard_id) for shard_id in shard_ids]

    def leases(self, place: Place) -> Mapping[str, Lease]:
        name = application_name(self.pipeline.name, place.generation, place.identity.created_ms)
        return read_leases(self.dynamodb, name)

    def gone(self) -> Gone:
        """What batch has taken out of the lake so far."""
        gone = Gone(BatchChain(log=self.log, pipeline=self.pipeline.name, generation=0, owner=""))
        gone.catch_up()
        return gone

    def newest(self, chain: Chain) -> Link | None:
        return next(self.log.newest_links(chain), None)

    def commit_of(self, link: Link) -> Commit | None:
        if link.kind is not LinkKind.DATA:
            return None
        return self.log.commit(link.chain.pipeline, link.chain.generation, link.attempt_id)

    def lag_ms(self, place: Place, link: Link | None, shard_id: str) -> int:
        """How far the chain's end is behind the shard's newest record, as Kinesis tells it."""
        position: dict[str, Any] = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": link.end_sequence_number}
            if link is not None and link.kind in {LinkKind.DATA, LinkKind.FORK} and link.end_sequence_number
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        what = f"stream {place.identity.name}, shard {shard_id}"
        name = place.identity.name
        iterator = retried(
            lambda: self.kinesis.get_shard_iterator(StreamName=name, ShardId=shard_id, **position), what
        )["ShardIterator"]
        return retried(lambda: self.kinesis.get_records(ShardIterator=iterator, Limit=1), what)["MillisBehindLatest"]


@dataclass(frozen=True, slots=True)
class Place:
    """Which stream, by birth, and which generation of the pipeline."""

    identity: StreamIdentity
    generation: int


def newest_commits(view: PipelineView, chains: list[Chain], limit: int) -> list[Commit]:
    """The newest commits over all chains, oldest first, also those of older generations that a rewind kept."""
    seen: dict[str, Link] = {}
    for chain in chains:
        for link in _data_links(view, chain, limit):
            seen.setdefault(link.attempt_id, link)
    newest = sorted(seen)[-limit:] if limit else []
    found = (view.commit_of(seen[attempt_id]) for attempt_id in newest)
    return [commit for commit in found if commit is not None]


def _data_links(view: PipelineView, chain: Chain, limit: int) -> Iterator[Link]:
    for link in newest_standing(view.log, chain):
        if link.kind is LinkKind.DATA:
            yield link
            limit -= 1
        if limit <= 0:
            return
