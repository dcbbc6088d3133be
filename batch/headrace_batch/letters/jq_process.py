"""The process that runs a jq program: frames in, frames out. Its first frame says how, then the program.

Only jq and the standard library: it starts at once, and is started anew after each payload that it dies of.
"""

from __future__ import annotations

import itertools
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

LENGTH_BYTES = 4
MENDED, FAILED, NOTHING, SEVERAL = b"+", b"!", b"0", b"2"
_MEMORY_BYTES = 1 << 30


def main() -> None:
    import jq

    with suppress(ValueError, OSError):  # not every system limits address space
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    how, _, program = (read_frame(given) or b"").partition(b"\n")
    try:
        # As text by jq itself: on the way through Python, numbers would become doubles.
        compiled = jq.compile(f"({program.decode()}\n) | tojson")
    except ValueError as refused:
        write_frame(answers, str(refused).encode())
        return
    write_frame(answers, b"")
    while (payload := read_frame(given)) is not None:
        write_frame(answers, _answer(partial(_results, compiled, how, payload)))


def _results(compiled: Any, how: bytes, payload: bytes) -> list[str]:
    """At most two: more than one is too many."""
    raw = how == b"raw"
    given = compiled.input_value(payload.decode(errors="replace")) if raw else compiled.input_text(payload.decode())
    return list(itertools.islice(iter(given), 2))


def _answer(results: Callable[[], list[str]]) -> bytes:
    try:
        found = results()
    except ValueError:
        return FAILED
    if len(found) != 1:
        return SEVERAL if found else NOTHING
    return NOTHING if found[0] == "null" else MENDED + found[0].encode()


def read_frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH_BYTES)
    return stream.read(int.from_bytes(head, "big")) if len(head) == LENGTH_BYTES else None


def write_frame(stream: BinaryIO, body: bytes) -> None:
    stream.write(frame(body))
    stream.flush()


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


if __name__ == "__main__":
    main()
