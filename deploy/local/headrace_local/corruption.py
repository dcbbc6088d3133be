"""Events that are spoilt between a sound producer and the stream, in every way that real sources manage.

Which events, and how, follows from their ids alone: a retried pack is spoilt as its first attempt was. The id stays
readable, so that the demo can tell whether the dead letters are exactly these.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence

from headrace_producers.kinesis import Answer, KinesisClient, OpenShard, PutRecord

_ID = re.compile(rb'"id":"([^"]+)"')
_ORIGIN = re.compile(rb'"origin":"([A-Z]{3})"')
_NUMBER = re.compile(rb'"(?:distance|humid)":([^,}]+)')
_DATA = b'"data":'


def _truncated(line: bytes) -> bytes:
    return line[: line.index(_DATA) + (len(line) - line.index(_DATA)) // 2]


def _bad_utf8(line: bytes) -> bytes:
    return _ORIGIN.sub(b'"origin":"\xffFK"', line)


def _wrong_type(line: bytes) -> bytes:
    return _ORIGIN.sub(rb'"origin":12345', line)


def _null(line: bytes) -> bytes:
    return _ORIGIN.sub(rb'"origin":null', line)


def _not_allowed(line: bytes) -> bytes:
    return _ORIGIN.sub(rb'"origin":"QQQ"', line)


def _missing(line: bytes) -> bytes:
    return _ORIGIN.sub(rb'"orig":"\1"', line)


def _out_of_range(line: bytes) -> bytes:
    return _spoil_number(line, b"-1")


def _not_a_number(line: bytes) -> bytes:
    return _spoil_number(line, b"NaN")


def _huge_integer(line: bytes) -> bytes:
    return _spoil_number(line, b"9" * 30)


def _unknown_type(line: bytes) -> bytes:
    return line.replace(b'.v1"', b'.v9"', 1)


def _deeply_nested(line: bytes) -> bytes:
    head, _, data = line.partition(_DATA)
    depth = (len(data) - 1) // 2
    return head + _DATA + b"[" * depth + b"]" * depth + b"}"


KINDS: tuple[Callable[[bytes], bytes], ...] = (
    _truncated, _bad_utf8, _wrong_type, _null, _not_allowed, _missing, _out_of_range, _not_a_number, _huge_integer,
    _unknown_type, _deeply_nested,
)  # fmt: skip


def _spoil_number(line: bytes, value: bytes) -> bytes:
    """Puts `value` for a number that every event has."""
    return _NUMBER.sub(lambda found: found[0][: found.start(1) - found.start()] + value, line, count=1)


def is_chosen(event_id: str, percent: float) -> bool:
    return zlib.crc32(event_id.encode()) % 10_000 < percent * 100


def spoil(event_id: str, line: bytes) -> bytes:
    """`line` without its line feed."""
    kind = zlib.crc32(b"kind of " + event_id.encode()) % len(KINDS)
    return KINDS[kind](line)


class CorruptingClient:
    """A KinesisClient in front of another; uncompressed packs only."""

    def __init__(self, inner: KinesisClient, percent: float) -> None:
        self._inner = inner
        self._percent = percent

    def put_records(self, stream: str, records: Sequence[PutRecord]) -> Sequence[Answer]:
        return self._inner.put_records(stream, [self._spoilt(record) for record in records])

    def list_open_shards(self, stream: str) -> Sequence[OpenShard]:
        return self._inner.list_open_shards(stream)

    def _spoilt(self, record: PutRecord) -> PutRecord:
        lines = [self._line(line) for line in record.data.splitlines()]
        return PutRecord(record.partition_key, record.explicit_hash_key, b"".join(line + b"\n" for line in lines))

    def _line(self, line: bytes) -> bytes:
        found = _ID.search(line)
        event_id = found[1].decode() if found else ""
        return spoil(event_id, line) if found and is_chosen(event_id, self._percent) else line
