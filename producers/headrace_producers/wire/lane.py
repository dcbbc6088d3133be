"""Lanes: how a pack of the idempotent producer is recognised, in the partition key (the explicit hash key places it).

    hr1|<producer id>|<shard at packing>|<number>|<CRC-32 of all before the last bar, 8 hex digits>

The marker and the checksum keep foreign keys from being taken for a lane.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

MARKER = "hr1|"


class Lane(NamedTuple):
    """One producer's packs for one shard. At most one of them is unsettled at a time; numbers rise by one from 1."""

    producer_id: str
    shard_id: str

    @property
    def name(self) -> str:
        return f"{self.producer_id}/{self.shard_id}"


class PackKey(NamedTuple):
    """What a pack's partition key says."""

    lane: Lane
    number: int


def pack_key(lane: Lane, number: int) -> str:
    """The partition key of a pack: at most 256 characters, as Kinesis asks."""
    body = f"{MARKER}{lane.producer_id}|{lane.shard_id}|{number}"
    return f"{body}|{zlib.crc32(body.encode()):08x}"


def parse_pack_key(partition_key: str) -> PackKey | None:
    """The lane and number of a pack; None for every key that no Headrace producer made."""
    if not partition_key.startswith(MARKER):
        return None
    body, _, checksum = partition_key.rpartition("|")
    parts = body.split("|")
    if len(parts) != 4 or f"{zlib.crc32(body.encode()):08x}" != checksum or not parts[3].isdecimal():  # noqa: PLR2004 - the format above
        return None
    return PackKey(Lane(parts[1], parts[2]), int(parts[3]))
