"""Lines: events as one Arrow array, zero-copy over the joined packs, each with its position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_consumers.records import KinesisRecord
from headrace_consumers.stages.repeats import Marked
from headrace_consumers.stages.schemas import INSTANT
from headrace_consumers.stages.unpack import Refusal, unpack

Ints = npt.NDArray[np.int64]
Octets = npt.NDArray[np.uint8]
LINE_FEED, SPACE, COMMA = b"\n ,"
CHUNK_BYTES = 16 * 1024 * 1024
"""Unpacked bytes that are decoded together: enough that vectors pay (pieces of 4 MiB cost a third more), and memory
stays bounded however well the records were compressed."""

_BLOCK_BYTES = 96 * 1024


@dataclass(frozen=True)
class Lines:
    """`text[i]` is one event with its line feed; `record[i]` counts into `records`, `index[i]` within its record."""

    text: pa.LargeBinaryArray
    record: Ints
    index: Ints
    records: Sequence[KinesisRecord]
    shard_ids: Sequence[str]
    cuts: Ints
    """Where in the text each comma and each line feed stands."""
    unreadable: Sequence[tuple[int, int, str]] = field(default=())
    """Records without a line: which, the index that it takes as one event, why."""

    def __len__(self) -> int:
        return len(self.text)

    @cached_property
    def arrivals_us(self) -> Ints:
        """Per record."""
        return np.array([record.approximate_arrival_timestamp for record in self.records], np.int64) * 1000

    @cached_property
    def _shards(self) -> pa.DictionaryArray:
        """Per record."""
        return pa.array(self.shard_ids, pa.string()).dictionary_encode()

    @cached_property
    def _sequence_numbers(self) -> pa.Array:
        return pa.array([record.sequence_number for record in self.records], pa.string())

    def positions(self, chosen: Ints) -> dict[str, pa.Array]:
        """The position columns of the chosen lines, in their order. Those of a record's events are all the same: a
        dictionary holds each once."""
        owners = self.record[chosen]
        places = pa.array(owners.astype(np.int32))
        return {
            "shard_id": self._shards.take(places),
            "sequence_number": pa.DictionaryArray.from_arrays(places, self._sequence_numbers),
            "record_index": pa.array(self.index[chosen].astype(np.int32)),
            "arrival_time": pa.array(self.arrivals_us[owners]).cast(INSTANT),
        }

    def arrival_us(self, chosen: Ints) -> Ints:
        return self.arrivals_us[self.record[chosen]]

    def events_by_shard(self, chosen: Ints) -> Counter[str]:
        """How many of the chosen lines are of which shard."""
        counts = np.bincount(self.record[chosen], minlength=len(self.shard_ids)).tolist()
        found: Counter[str] = Counter()
        for shard_id, count in zip(self.shard_ids, counts, strict=True):
            found[shard_id] += count
        return found

    def payloads(self, chosen: Ints) -> list[bytes]:
        return [value.rstrip(b"\n") for value in self.text.take(pa.array(chosen)).to_pylist()]


def chosen_lines(text: pa.LargeBinaryArray, places: Ints) -> pa.LargeBinaryArray:
    """The lines at these places, without a copy where these are all."""
    return text if len(places) == len(text) else text.take(pa.array(places))


def split_lines(marked: Marked, max_unpacked_bytes: int) -> Iterator[Lines]:
    """The lines of all records that are no repeats, in chunks that end between Kinesis records."""
    unpacked: list[bytes | Refusal] = []
    kept = [number for number, repeat in enumerate(marked.repeats) if not repeat]
    begin = held = 0
    for place, number in enumerate(kept):
        if held >= CHUNK_BYTES and not _continues(marked, kept[place - 1], number):
            yield _lines(marked, kept[begin:place], unpacked)
            unpacked, begin, held = [], place, 0
        data = unpack(marked.records[number].data, max_unpacked_bytes)
        unpacked.append(data)
        held += 0 if isinstance(data, Refusal) else len(data)
    if unpacked:
        yield _lines(marked, kept[begin:], unpacked)


def placed_lines(records: Sequence[KinesisRecord], shard_ids: Sequence[str], indexes: Ints) -> Lines:
    """Of records that hold one event each, without a line feed in it: each stood at this index of its own record."""
    text, owner, cuts = split_packs([record.data for record in records])
    return Lines(text, owner, indexes[owner], records, shard_ids, cuts)


def _continues(marked: Marked, before: int, number: int) -> bool:
    """Whether the two are parts of one KPL aggregate, which is one Kinesis record."""
    numbers = marked.records[number].sequence_number, marked.records[before].sequence_number
    return numbers[0] == numbers[1] and marked.shard_ids[number] == marked.shard_ids[before]


def _lines(marked: Marked, kept: Sequence[int], unpacked: Sequence[bytes | Refusal]) -> Lines:
    text, owner, cuts = split_packs([b"" if isinstance(data, Refusal) else data for data in unpacked])
    counts = np.bincount(owner, minlength=len(kept))
    follows = [place > 0 and _continues(marked, kept[place - 1], number) for place, number in enumerate(kept)]
    first = _first_indexes(np.maximum(counts, 1), follows)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    empty = np.flatnonzero(counts == 0).tolist()
    return Lines(
        text=text,
        record=owner,
        index=first[owner] + within,
        records=[marked.records[number] for number in kept],
        shard_ids=[marked.shard_ids[number] for number in kept],
        cuts=cuts,
        unreadable=[(place, int(first[place]), _reason(unpacked[place])) for place in empty],
    )


def _reason(data: bytes | Refusal) -> str:
    return data.reason if isinstance(data, Refusal) else "empty_record"


def _first_indexes(counts: Ints, follows: Sequence[bool]) -> Ints:
    """Per record, the index of its first line: the parts of an aggregate share one count."""
    begins = np.cumsum(counts) - counts
    return begins - np.maximum.accumulate(np.where(np.asarray(follows, np.bool_), 0, begins))


def split_packs(packs: Sequence[bytes]) -> tuple[pa.LargeBinaryArray, Ints, Ints]:
    """Cuts the joined packs at line feeds; blank lines are skipped, and white space around an event is cut off. The
    lines, whose pack each is of, and where their commas and line feeds stand."""
    whole = [pack if not pack or pack.endswith(b"\n") else pack + b"\n" for pack in packs]
    joined = b"".join(whole)
    octets = np.frombuffer(joined, np.uint8)
    cuts = _cuts(octets)
    offsets = _line_offsets(octets, cuts)
    pack_ends = np.cumsum([len(pack) for pack in whole], dtype=np.int64)
    owner = np.searchsorted(pack_ends, offsets[:-1], side="right").astype(np.int64)
    padded = (octets[offsets[:-1]] <= SPACE) | (octets[np.maximum(offsets[1:] - 2, 0)] <= SPACE)
    if not padded.any():
        return _array(offsets, joined), owner, cuts
    lines = [line.strip() for line in joined.split(b"\n")[:-1]]
    kept = np.array([bool(line) for line in lines], np.bool_)
    joined = b"".join(line + b"\n" for line in lines if line)
    octets = np.frombuffer(joined, np.uint8)
    cuts = _cuts(octets)
    return _array(_line_offsets(octets, cuts), joined), owner[kept], cuts


def _cuts(octets: Octets) -> Ints:
    """Block by block, so that what is between stays in the processor's cache."""
    blocks = range(0, len(octets), _BLOCK_BYTES)
    found = [np.flatnonzero(_is_cut(octets[begin : begin + _BLOCK_BYTES])) + begin for begin in blocks]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _is_cut(octets: Octets) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = octets == COMMA
    found |= octets == LINE_FEED
    return found


def _line_offsets(octets: Octets, cuts: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), cuts[octets[cuts] == LINE_FEED] + 1])


def _array(offsets: Ints, joined: bytes) -> pa.LargeBinaryArray:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(joined)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)
