"""Cuts lines into packs: one open pack per shard, closed by size, by count, by age, or on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headrace_producers.compression import compressor
from headrace_producers.packs import Body, Line, Pack
from headrace_producers.settings import ProducerSettings
from headrace_producers.shard_map import ShardMap
from headrace_producers.wire.envelope import join_lines
from headrace_producers.wire.lane import Lane


class _Open:
    """Lines of one shard that wait for company."""

    __slots__ = ("hash_key", "lines", "opened_s", "size_bytes")

    def __init__(self, hash_key: int, opened_s: float) -> None:
        self.hash_key = hash_key
        self.opened_s = opened_s
        self.lines: list[Line] = []
        self.size_bytes = 0


class Packer:
    """Numbers packs from 1 in each lane (producer id, shard). Knows neither threads nor clients."""

    def __init__(self, settings: ProducerSettings, producer_id: str) -> None:
        self._settings = settings
        self._producer_id = producer_id
        self._compress = compressor(settings.compression)
        self._open: dict[str, _Open] = {}
        self._numbers: dict[str, int] = {}

    def add(self, lines: list[Line], shards: ShardMap, opened_s: float) -> Iterator[Pack]:
        """Routes lines to the open packs of their shards; yields each pack that is full."""
        place, room, most = shards.place, self._settings.pack_bytes, self._settings.max_pack_events
        for line in lines:
            shard_id, hash_key = place(line.partition_key)
            pack = self._open.get(shard_id)
            if pack is not None and (pack.size_bytes + len(line.data) > room or len(pack.lines) >= most):
                yield self._cut(shard_id)
                pack = None
            if pack is None:
                pack = self._open[shard_id] = _Open(hash_key, opened_s)
            pack.lines.append(line)
            pack.size_bytes += len(line.data)

    def reroute(self, shards: ShardMap, opened_s: float) -> Iterator[Pack]:
        """After a reshard: open packs of shards that are gone are routed anew. Packs once cut are left alone."""
        gone = [self._open.pop(shard_id) for shard_id in self._open.keys() - shards.shard_ids]
        lines = sorted((line for pack in gone for line in pack.lines), key=lambda line: line.ordinal)
        yield from self.add(lines, shards, opened_s)

    def cut_due(self, now_s: float, flush_through: int, is_idle: Callable[[str], bool]) -> Iterator[Pack]:
        """Cuts what is old enough, where the lane is idle (else it may go on filling), and what a flush waits for."""
        for shard_id, pack in list(self._open.items()):
            is_old = pack.opened_s + self._settings.linger_s <= now_s and is_idle(shard_id)
            if is_old or pack.lines[0].ordinal <= flush_through:
                yield self._cut(shard_id)

    def next_due_s(self, is_idle: Callable[[str], bool]) -> float | None:
        """When the oldest pack of an idle lane will be due."""
        opened = [pack.opened_s for shard_id, pack in self._open.items() if is_idle(shard_id)]
        return min(opened) + self._settings.linger_s if opened else None

    def oldest_ordinal(self) -> int | None:
        return min((pack.lines[0].ordinal for pack in self._open.values()), default=None)

    def abandon(self) -> list[Line]:
        """The lines that were in no pack yet."""
        lines = [line for pack in self._open.values() for line in pack.lines]
        self._open.clear()
        return lines

    @property
    def is_empty(self) -> bool:
        return not self._open

    def _cut(self, shard_id: str) -> Pack:
        opened = self._open.pop(shard_id)
        number = self._numbers[shard_id] = self._numbers.get(shard_id, 0) + 1
        data = self._compress(join_lines([line.data for line in opened.lines]))
        return Pack(
            lane=Lane(self._producer_id, shard_id),
            number=number,
            explicit_hash_key=str(opened.hash_key),
            ordinal=opened.lines[0].ordinal,
            events=len(opened.lines),
            size_bytes=len(data),
            held_bytes=opened.size_bytes,
            body=Body(data, tuple(line.event_id for line in opened.lines)),
        )
