"""A file in S3, piece by piece: all of it in its order, once, or from any place."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import Protocol

from headrace_batch.landing.refusing import Reason, RefusedFileError
from headrace_consumers.errors import MissingFileError
from headrace_consumers.lake.inbox import Inbox

STEP_BYTES = 16 * 1024 * 1024


class Ranged(Protocol):
    @property
    def size_bytes(self) -> int: ...

    def read(self, begin: int, end: int) -> bytes:
        """Blocks on the network. Raises RefusedFileError where it is not the same file any more."""
        ...


@dataclass(frozen=True, slots=True)
class S3Ranges:
    inbox: Inbox
    bucket: str
    key: str
    etag: str
    size_bytes: int

    def read(self, begin: int, end: int) -> bytes:
        if begin >= end:
            return b""
        try:
            return self.inbox.read(self.bucket, self.key, self.etag, (begin, end))
        except MissingFileError as error:
            raise RefusedFileError(Reason.MISSING, str(error)) from None


@dataclass
class Once:
    """Mutable: a file that is read in its order, each byte once, and the digest of what was read."""

    file: Ranged
    _held: bytes = b""
    _begin: int = 0
    """Of what is held."""
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def read(self, begin: int, end: int) -> bytes:
        """No place before `begin` is asked for again."""
        read = self._begin + len(self._held)
        parts = [self._held[begin - self._begin :]]
        while read < end:
            part = self.file.read(read, min(read + STEP_BYTES, self.file.size_bytes))
            self._digest.update(part)
            parts.append(part)
            read += len(part)
        self._held, self._begin = b"".join(parts), begin
        return self._held[: end - begin]

    def sha256(self) -> str:
        """Of the whole file, whose rest is read now."""
        for begin in range(self._begin + len(self._held), self.file.size_bytes, STEP_BYTES):
            self._digest.update(self.file.read(begin, min(begin + STEP_BYTES, self.file.size_bytes)))
        self._held, self._begin = b"", self.file.size_bytes
        return self._digest.hexdigest()


class Seekable(io.RawIOBase):
    """For readers that jump: Parquet's."""

    def __init__(self, file: Ranged) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size_bytes}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._file.size_bytes if size < 0 else min(self._at + size, self._file.size_bytes)
        found = self._file.read(self._at, end)
        self._at += len(found)
        return found
