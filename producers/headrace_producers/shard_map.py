"""Which shard takes a key: MD5 as Kinesis hashes, over the hash ranges of the open shards."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence

from headrace_producers.errors import PutFailedError
from headrace_producers.kinesis import OpenShard

HASH_KEYS = 2**128
_MAX_CACHED_KEYS = 100_000


def hash_key(partition_key: str) -> int:
    """The 128-bit hash key that Kinesis gives a partition key."""
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


class ShardMap:
    """The open shards at one moment; their ranges cover every hash key, or PutFailedError asks to list them again."""

    def __init__(self, shards: Sequence[OpenShard]) -> None:
        ordered = sorted(shards, key=lambda shard: shard.first_hash)
        edges = [-1, *(shard.last_hash for shard in ordered)]
        firsts = [shard.first_hash for shard in ordered]
        if not ordered or [edge + 1 for edge in edges] != [*firsts, HASH_KEYS]:
            raise PutFailedError(
                "the listed open shards leave hash keys out, as they do during a reshard; list them again"
            )
        self._firsts = firsts
        self._shards = ordered
        self._by_key: dict[str, tuple[str, int]] = {}
        self.shard_ids = frozenset(shard.shard_id for shard in ordered)

    def place(self, partition_key: str) -> tuple[str, int]:
        """Shard id and hash key of a partition key."""
        found = self._by_key.get(partition_key)
        if found is None:
            if len(self._by_key) >= _MAX_CACHED_KEYS:
                self._by_key.clear()
            hashed = hash_key(partition_key)
            found = (self._shards[bisect_right(self._firsts, hashed) - 1].shard_id, hashed)
            self._by_key[partition_key] = found
        return found
