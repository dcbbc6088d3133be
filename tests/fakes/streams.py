"""boto3's Kinesis client as far as the engine asks it: which shards there are."""

from __future__ import annotations

from typing import Any

HASHES = 1 << 128


class ListedShards:
    """A stream of so many open shards, evenly cut."""

    def __init__(self, shards: int) -> None:
        self._shards = shards

    def list_shards(self, **_: Any) -> dict[str, Any]:
        return {"Shards": [self._shard(number) for number in range(self._shards)]}

    def _shard(self, number: int) -> dict[str, Any]:
        first, end = (HASHES * edge // self._shards for edge in (number, number + 1))
        return {
            "ShardId": shard_id(number),
            "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(end - 1)},
            "SequenceNumberRange": {"StartingSequenceNumber": "0"},
        }


def shard_id(number: int) -> str:
    return f"shardId-{number:012d}"
