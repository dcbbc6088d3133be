"""Unpacking: a record's bytes, decompressed where its first bytes say so."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import zstandard

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record's bytes cannot be unpacked: a reason code."""

    reason: str


def unpack(data: bytes, max_unpacked_bytes: int) -> bytes | Refusal:
    """The NDJSON of a record. Holds no more than `max_unpacked_bytes` of it, whatever the compressed data promises."""
    if data.startswith(GZIP):
        return _gunzip(data, max_unpacked_bytes)
    if data.startswith(ZSTD):
        return _unzstd(data, max_unpacked_bytes)
    return data


def _gunzip(data: bytes, limit: int) -> bytes | Refusal:
    """Of one member or several, as gzip allows."""
    parts: list[bytes] = []
    room = limit
    while data:
        inflater = zlib.decompressobj(wbits=31)
        try:
            parts.append(inflater.decompress(data, room + 1))
        except zlib.error:
            return Refusal("corrupt_compression")
        room -= len(parts[-1])
        if room < 0:
            return Refusal("too_big")
        if not inflater.eof:
            return Refusal("corrupt_compression")
        data = inflater.unused_data
    return b"".join(parts)


def _unzstd(data: bytes, limit: int) -> bytes | Refusal:
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data) as reader:
            unpacked = reader.read(limit + 1)
            whole = len(unpacked) <= limit
    except (zstandard.ZstdError, MemoryError):
        return Refusal("corrupt_compression")
    if not whole:
        return Refusal("too_big")
    return unpacked if _frame_ends(data) else Refusal("corrupt_compression")


def _frame_ends(data: bytes) -> bool:
    """A truncated frame reads as a shorter one; only the decompression object tells. Called where the limit holds."""
    inflater = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    try:
        inflater.decompress(data)
    except zstandard.ZstdError:
        return False
    return inflater.eof
