"""Where the items of the log stand in its table. Text order is numeric order, so positions are padded."""

from __future__ import annotations

from headrace_consumers.commitlog.model import Chain

POSITION_DIGITS = 64
"""Kinesis' sequence numbers have 56 digits today; a longer one than this is refused, never cut."""
GENERATION_COPIES = 16


def padded(position: int) -> str:
    text = f"{position:0{POSITION_DIGITS}d}"
    if len(text) > POSITION_DIGITS:
        raise ValueError(f"a position of {len(text)} digits does not fit the log's {POSITION_DIGITS}")
    return text


def chain_key(chain: Chain) -> str:
    return f"link#{chain.pipeline}#{chain.generation}#{chain.stream_created_ms}#{chain.shard_id}"


def beat_key(chain: Chain) -> str:
    return f"beat#{chain_key(chain)}"


def chains_key(pipeline: str, generation: int, stream_created_ms: int) -> str:
    return f"chains#{pipeline}#{generation}#{stream_created_ms}"


def commit_key(pipeline: str, generation: int, attempt_id: str) -> str:
    return f"commit#{pipeline}#{generation}#{attempt_id}"


def generation_key(pipeline: str) -> str:
    return f"generation#{pipeline}"


def marks_key(pipeline: str) -> str:
    return f"marks#{pipeline}"


def rewinds_key(pipeline: str) -> str:
    return f"generations#{pipeline}"


def rewind_name(generation: int) -> str:
    return f"{generation:08d}"


def start_key(pipeline: str) -> str:
    return f"start#{pipeline}"


def start_name(generation: int) -> str:
    return "start" if generation == 1 else f"start-{generation}"
