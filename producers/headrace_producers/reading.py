"""Reading a stream without leases or checkpoints: what `tail` needs, over a small seam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was put."""

    shard_id: str
    sequence_number: str
    partition_key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: records, where to go on (None at a closed shard's end)."""

    records: Sequence[Record]
    next_iterator: str | None


class ShardReader(Protocol):
    """One stream. Failures that may pass raise TransientError, others TerminalError."""

    def shard_ids(self) -> Sequence[str]:
        """All shards, closed ones included."""
        ...

    def iterator(self, shard_id: str, *, from_start: bool) -> str:
        """A place in a shard: its oldest record, or what comes next."""
        ...

    def read(self, shard_id: str, iterator: str) -> Page: ...


class Shards:
    """All shards of a stream, children of a reshard included."""

    def __init__(self, reader: ShardReader, *, from_start: bool) -> None:
        self._reader = reader
        self._iterators: dict[str, str] = {}
        self._seen: set[str] = set()
        self._add_new(from_start=from_start)

    def read(self) -> list[Record]:
        """One page of each shard. A shard that ends makes room for its children, from their first record."""
        found: list[Record] = []
        ended = False
        for shard_id, iterator in list(self._iterators.items()):
            page = self._reader.read(shard_id, iterator)
            found += page.records
            if page.next_iterator is None:
                del self._iterators[shard_id]
                ended = True
            else:
                self._iterators[shard_id] = page.next_iterator
        if ended:
            self._add_new(from_start=True)
        return found

    def _add_new(self, *, from_start: bool) -> None:
        for shard_id in self._reader.shard_ids():
            if shard_id not in self._seen:
                self._seen.add(shard_id)
                self._iterators[shard_id] = self._reader.iterator(shard_id, from_start=from_start)
