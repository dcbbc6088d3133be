"""Reading a pipe line by line, for lines of many megabytes: straight into a buffer, from which they are decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator

READ_BYTES = 64 * 1024
"""The least room for one read."""
KEPT_BYTES = 1024 * 1024
"""A larger buffer is given back after its line: there is one for each shard, and most shards rest."""


class PipeLines:
    """The lines of one descriptor that is read without blocking."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = bytearray(READ_BYTES)
        self._held = 0
        self.ended = False
        """The other side has closed the pipe; what is left of a line is dropped."""

    def read(self) -> Iterator[memoryview]:
        """Reads once. The lines that this completes, without line feeds, blank ones skipped; each is valid only until
        the next is asked for. None at once where nothing is to be read."""
        if len(self._buffer) - self._held < READ_BYTES:
            self._buffer.extend(bytes(len(self._buffer)))
        try:
            with memoryview(self._buffer) as whole, whole[self._held :] as room:
                count = os.readv(self._fd, [room])
        except BlockingIOError:
            return
        self.ended = count == 0
        searched, self._held = self._held, self._held + count
        yield from self._lines(searched)

    def _lines(self, searched: int) -> Iterator[memoryview]:
        begin = 0
        while (end := self._buffer.find(b"\n", searched, self._held)) >= 0:
            if end > begin:
                with memoryview(self._buffer) as whole, whole[begin:end] as line:
                    yield line
            begin = searched = end + 1
        if begin:
            self._drop(begin)

    def _drop(self, begin: int) -> None:
        rest = bytes(memoryview(self._buffer)[begin : self._held])
        if len(self._buffer) > KEPT_BYTES:
            self._buffer = bytearray(max(READ_BYTES, 2 * len(rest)))
        self._held = len(rest)
        self._buffer[: self._held] = rest
