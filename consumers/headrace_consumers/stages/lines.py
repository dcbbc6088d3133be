"""Lines: the events of a batch as one Arrow array, zero-copy over the joined packs, each with its position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_consumers.records import KinesisRecord
from headrace_consumers.stages.letters import Finding, Letters
from headrace_consumers.stages.repeats import Marked
from headrace_consumers.stages.schemas import INSTANT
from headrace_consumers.stages.unpack import Refusal, unpack

Ints = npt.NDArray[np.int64]
LINE_FEED = 10
SPACE = 32


@dataclass(frozen=True, slots=True)
class Lines:
    """`text[i]` is one event with its line feed; `record[i]` counts into `records`, `index[i]` within its record."""

    text: pa.LargeBinaryArray
    record: Ints
    index: Ints
    records: Sequence[KinesisRecord]
    shard_ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.text)

    def positions(self, chosen: Ints) -> dict[str, pa.Array]:
        """The position columns of the chosen lines, in their order."""
        owners = pa.array(self.record[chosen])
        arrivals = pa.array([r.approximate_arrival_timestamp for r in self.records], pa.timestamp("ms", "UTC"))
        return {
            "shard_id": pa.array(self.shard_ids, pa.string()).take(owners),
            "sequence_number": pa.array([r.sequence_number for r in self.records], pa.string()).take(owners),
            "record_index": pa.array(self.index[chosen].astype(np.int32)),
            "arrival_time": arrivals.cast(INSTANT).take(owners),
        }

    def arrival_us(self, chosen: Ints) -> Ints:
        arrivals = np.array([r.approximate_arrival_timestamp for r in self.records], np.int64) * 1000
        return arrivals[self.record[chosen]]

    def by_shard(self, chosen: Ints, values: Ints) -> Iterator[tuple[str, int, int]]:
        """Per shard among the chosen lines: how many, and the greatest of their values."""
        names = sorted(set(self.shard_ids))
        number = {name: place for place, name in enumerate(names)}
        shard = np.array([number[shard_id] for shard_id in self.shard_ids], np.int64)[self.record[chosen]]
        for place, name in enumerate(names):
            mine = values[shard == place]
            if len(mine):
                yield name, len(mine), int(mine.max())

    def payloads(self, chosen: Ints) -> list[bytes]:
        return [value.rstrip(b"\n") for value in self.text.take(pa.array(chosen)).to_pylist()]


def split_lines(marked: Marked, max_unpacked_bytes: int) -> tuple[Lines, Letters]:
    """The lines of all records that are no repeats; records that do not unpack, or hold nothing, become letters."""
    kept = [number for number, repeat in enumerate(marked.repeats) if not repeat]
    records = [marked.records[number] for number in kept]
    shard_ids = [marked.shard_ids[number] for number in kept]
    unpacked = [unpack(record.data, max_unpacked_bytes) for record in records]
    text, owner = _split([b"" if isinstance(data, Refusal) else data for data in unpacked])
    lines = Lines(text, owner, _index_in_record(owner, records, shard_ids), records, shard_ids)
    return lines, _unreadable(lines, unpacked)


def _split(packs: Sequence[bytes]) -> tuple[pa.LargeBinaryArray, Ints]:
    """Cuts the joined packs at line feeds; blank lines are skipped, and white space around an event is cut off."""
    whole = [pack if not pack or pack.endswith(b"\n") else pack + b"\n" for pack in packs]
    joined = b"".join(whole)
    octets = np.frombuffer(joined, np.uint8)
    ends = np.flatnonzero(octets == LINE_FEED).astype(np.int64) + 1
    offsets = np.concatenate([np.zeros(1, np.int64), ends])
    pack_ends = np.cumsum([len(pack) for pack in whole], dtype=np.int64)
    owner = np.searchsorted(pack_ends, offsets[:-1], side="right").astype(np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(joined)]
    text = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends), buffers)
    padded = (octets[offsets[:-1]] <= SPACE) | (octets[np.maximum(ends - 2, 0)] <= SPACE)
    return _stripped(text, owner) if padded.any() else (text, owner)


def _stripped(text: pa.LargeBinaryArray, owner: Ints) -> tuple[pa.LargeBinaryArray, Ints]:
    lines = [line.strip() for line in text.to_pylist()]
    kept = np.array([bool(line) for line in lines], np.bool_)
    return pa.array([line + b"\n" for line in lines if line], pa.large_binary()), owner[kept]


def _index_in_record(owner: Ints, records: Sequence[KinesisRecord], shard_ids: Sequence[str]) -> Ints:
    """Counts from 0 in each Kinesis record; the parts of an aggregate share one sequence number and one count."""
    first_part = np.arange(len(records), dtype=np.int64)
    for number in range(1, len(records)):
        if (
            records[number].sequence_number == records[number - 1].sequence_number
            and shard_ids[number] == shard_ids[number - 1]
        ):
            first_part[number] = first_part[number - 1]
    first_line = np.searchsorted(owner, first_part, side="left")
    return np.arange(len(owner), dtype=np.int64) - first_line[owner]


def _unreadable(lines: Lines, unpacked: Sequence[bytes | Refusal]) -> Letters:
    letters = Letters()
    empty = set(range(len(unpacked))) - set(np.unique(lines.record).tolist())
    for number in sorted(empty):
        data = unpacked[number]
        reason = data.reason if isinstance(data, Refusal) else "empty_record"
        letters.add_record(lines.records[number], lines.shard_ids[number], Finding("unpack", reason))
    return letters
