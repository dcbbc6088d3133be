"""The seam to Kinesis: what the producer asks of a client. boto3 stands behind it in boto.py, a fake in testing.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PutRecord:
    """One record of a PutRecords call."""

    partition_key: str
    explicit_hash_key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """The record is in the stream, in this shard."""

    shard_id: str
    sequence_number: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The record is not in the stream; `code` is Kinesis's error code."""

    code: str


Answer = Accepted | Refused


@dataclass(frozen=True, slots=True)
class OpenShard:
    """A shard that takes records, and the hash keys that it takes (both ends included)."""

    shard_id: str
    first_hash: int
    last_hash: int


class KinesisClient(Protocol):
    """Two calls, each tried once: retries are the producer's, for only it knows until when one is safe."""

    def put_records(self, stream: str, records: Sequence[PutRecord]) -> Sequence[Answer]:
        """One answer per record, in order. PutFailedError when the call failed or its answer is lost. Blocks."""
        ...

    def list_open_shards(self, stream: str) -> Sequence[OpenShard]:
        """All open shards. TransientError when it may pass, TerminalError when the stream does not exist. Blocks."""
        ...


Connect = Callable[[], KinesisClient]
"""Makes a client: once in each process, for connections do not survive a fork."""
