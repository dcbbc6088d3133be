"""From the bytes that were sent to a text in UTF-8, or to Parquet: never more of it than the source's limits allow."""

from __future__ import annotations

import re

import pyarrow as pa

from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_consumers.landing import FileCompression, FileForm, FileFormat, Limits
from headrace_consumers.stages.unpack import GZIP, ZSTD

_STEP_BYTES = 4 * 1024 * 1024
_FREE_BYTES = 1024 * 1024
"""So much may come of however little: ratios of small files say nothing."""
_MAGIC = {FileCompression.GZIP: GZIP, FileCompression.ZSTD: ZSTD}
_NO_TEXT = re.compile("[\x00\x80-\x9f]")
"""Code points that no sender writes, and that another encoding's bytes become."""


def unpacked(body: bytes, form: FileForm, limits: Limits) -> bytes:
    """Raises RefusedFileError where the compression is not as stated, is cut off, or hides too much."""
    if not body:
        raise RefusedFileError(Reason.EMPTY, "the file has no bytes")
    kind = compression_of(body, form)
    return body if kind is FileCompression.NONE else _inflated(body, kind, limits)


def in_utf8(body: bytes, encoding: str) -> bytes:
    """The text, its byte order mark cut off. Raises RefusedFileError where it is not of this encoding."""
    if body.isascii() and b"\0" not in body and "ab".encode(encoding) == b"ab":
        return body
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        if error.end == len(body) and error.reason in ("unexpected end of data", "truncated data"):
            raise RefusedFileError(Reason.HALF, f"the file ends inside a character of {encoding}") from None
        raise RefusedFileError(
            Reason.WRONG_ENCODING, f"byte {error.start} is not {encoding}, which the source states"
        ) from None
    if found := _NO_TEXT.search(text):
        raise RefusedFileError(
            Reason.WRONG_ENCODING,
            f"as {encoding}, which the source states, character {found.start()} is no text: U+{ord(found[0]):04X}",
        )
    return text.removeprefix("\ufeff").encode()


def compression_of(body: bytes, form: FileForm) -> FileCompression:
    """By its first bytes. Raises RefusedFileError where the form states another one."""
    found = next((kind for kind, magic in _MAGIC.items() if body.startswith(magic)), FileCompression.NONE)
    stated = form.compression
    if stated is FileCompression.ANY or stated is found:
        return found
    if stated is FileCompression.NONE and form.format is FileFormat.PARQUET:
        return stated
    raise RefusedFileError(
        Reason.WRONG_COMPRESSION, f"by its first bytes its compression is {found}; the source states {stated}"
    )


def _inflated(body: bytes, kind: FileCompression, limits: Limits) -> bytes:
    limit = min(limits.max_unpacked_bytes, max(int(len(body) * limits.max_ratio), _FREE_BYTES))
    parts, room = [], limit
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), kind.value) as stream:
            while part := stream.read(min(room + 1, _STEP_BYTES)):
                parts.append(part)
                room -= len(part)
                if room < 0:
                    raise RefusedFileError(
                        Reason.BOMB, f"{len(body)} bytes of {kind} unpack to more than {limit}, the source's limit"
                    )
    except (OSError, pa.ArrowException, MemoryError) as error:
        if "runcated" in str(error):
            raise RefusedFileError(Reason.HALF, f"its {kind} ends in the middle") from None
        raise RefusedFileError(Reason.WRONG_COMPRESSION, f"its {kind} is corrupt") from None
    if room == limit:
        raise RefusedFileError(Reason.EMPTY, f"its {kind} holds no bytes")
    return b"".join(parts)
