"""What the runtime hands to the stages: Kinesis records as KCL delivered them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

ROOT = 0
"""The position before the first record of any shard; every initial sentinel of KCL maps to it."""


class KinesisRecord(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One user record of a `processRecords` line, decoded straight from the protocol (base64 included).

    `sub_sequence_number` is above 0 only for records that KCL split from an aggregate of the KPL.
    """

    data: bytes
    partition_key: str
    sequence_number: str
    sub_sequence_number: int | None = None
    approximate_arrival_timestamp: int = 0
    """Milliseconds since the epoch, set by Kinesis."""

    @property
    def position(self) -> int:
        """The sequence number as an integer: the only form that is ever compared."""
        return int(self.sequence_number)


@dataclass(frozen=True, slots=True)
class ShardRecords:
    """Consecutive records of one shard, in the shard's order."""

    shard_id: str
    records: Sequence[KinesisRecord]

    @property
    def data_bytes(self) -> int:
        return sum(len(record.data) for record in self.records)
