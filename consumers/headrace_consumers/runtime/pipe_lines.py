"""Reading a pipe line by line, for lines of many megabytes: straight into a buffer, from which they are decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator

READ_BYTES = 64 * 1024
"""The least room for one read."""
KEPT_BYTES = 1024 * 1024
"""A larger buffer is given back after its line."""
MOST_KEPT_BYTES = 16 * 1024 * 1024
"""A line of ten megabytes of records fits."""


class SpareBuffer:
    """A large buffer that rests. One is kept, not one for each shard, most of which rest; and not none, for memory that
    is fresh for each line costs more than the line's decoding."""

    def __init__(self) -> None:
        self._resting = bytearray()

    def lend(self, least_bytes: int) -> bytearray:
        """Of any contents."""
        lent, self._resting = self._resting, bytearray()
        return lent if len(lent) >= least_bytes else bytearray(least_bytes)

    def give_back(self, buffer: bytearray) -> None:
        if len(self._resting) < len(buffer) <= MOST_KEPT_BYTES:
            self._resting = buffer


class PipeLines:
    """The lines of one descriptor that is read without blocking. Readers in one thread may share their spare buffer."""

    def __init__(self, fd: int, spare: SpareBuffer | None = None) -> None:
        self._fd = fd
        self._spare = spare or SpareBuffer()
        self._buffer = bytearray(READ_BYTES)
        self._held = 0
        self.ended = False
        """The other side has closed the pipe; what is left of a line is dropped."""

    def read(self) -> Iterator[memoryview]:
        """Reads once. The lines that this completes, without line feeds, blank ones skipped; each is valid only until
        the next is asked for. None at once where nothing is to be read."""
        if len(self._buffer) - self._held < READ_BYTES:
            self._grow()
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

    def _grow(self) -> None:
        larger = self._spare.lend(2 * len(self._buffer))
        larger[: self._held] = memoryview(self._buffer)[: self._held]
        self._buffer = larger

    def _drop(self, begin: int) -> None:
        rest = bytes(memoryview(self._buffer)[begin : self._held])
        if len(self._buffer) > KEPT_BYTES:
            self._spare.give_back(self._buffer)
            self._buffer = bytearray(max(READ_BYTES, 2 * len(rest)))
        self._held = len(rest)
        self._buffer[: self._held] = rest
