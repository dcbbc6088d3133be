"""Lines read from a real pipe, however they are cut."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.runtime.pipe_lines import KEPT_BYTES, READ_BYTES, PipeLines


def _read_all(text: bytes, writes: list[int]) -> tuple[list[bytes], bool]:
    """What is read of `text`, written piece by piece."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    lines, found = PipeLines(read_fd), []
    try:
        for size in writes:
            piece, text = text[:size], text[size:]
            os.write(write_fd, piece)
            found += [bytes(line) for line in lines.read()]
        os.write(write_fd, text)
        found += [bytes(line) for line in lines.read()]
        assert list(lines.read()) == []
        assert not lines.ended
    finally:
        os.close(write_fd)
    assert list(lines.read()) == []
    os.close(read_fd)
    return found, lines.ended


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(1, 50), max_size=12))
def test_lines_come_whole_however_they_were_written(lines: list[bytes], writes: list[int]) -> None:
    """Each line comes once and in order, blank ones apart; the end of the pipe is told."""
    expected = [line for line in lines if line and b"\n" not in line]
    text = b"".join(line + b"\n" for line in lines if b"\n" not in line)
    assert _read_all(text, writes) == (expected, True)


def test_a_line_of_megabytes_gives_its_room_back() -> None:
    """After a large line the buffer is small again, and what came behind it is kept."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    lines, found = PipeLines(read_fd), []
    text = b"x" * (5 * KEPT_BYTES) + b"\ny" * 2 + b"\n"
    for begin in range(0, len(text), READ_BYTES // 2):
        os.write(write_fd, text[begin : begin + READ_BYTES // 2])
        found += [len(line) for line in lines.read()]
    os.close(write_fd)
    os.close(read_fd)
    assert found == [5 * KEPT_BYTES, 1, 1]
    assert len(lines._buffer) <= KEPT_BYTES
