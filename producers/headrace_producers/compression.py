"""Compression of whole packs. A compressor gives the data back unchanged where it would only grow."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from types import ModuleType

from headrace_producers.errors import SettingsError
from headrace_producers.settings import Compression

Compressor = Callable[[bytes], bytes]


def compressor(kind: Compression) -> Compressor:
    """SettingsError when the library for it is not installed."""
    match kind:
        case Compression.NONE:
            return bytes
        case Compression.GZIP:
            return _unless_larger(lambda data: gzip.compress(data, compresslevel=6, mtime=0))
        case Compression.ZSTD:
            return _unless_larger(_zstandard().ZstdCompressor(level=3).compress)


def _zstandard() -> ModuleType:
    try:
        import zstandard
    except ImportError:
        raise SettingsError("compression: zstd needs `pip install headrace-producers[zstd]`") from None
    return zstandard


def decompressed(data: bytes) -> bytes:
    """The lines of a pack, whichever compression its first bytes name. SettingsError as above."""
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return bytes(_zstandard().ZstdDecompressor().decompressobj().decompress(data))
    return data


def _unless_larger(compress: Compressor) -> Compressor:
    def smaller(data: bytes) -> bytes:
        compressed = compress(data)
        return compressed if len(compressed) < len(data) else data

    return smaller
