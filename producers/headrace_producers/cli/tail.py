"""`tail STREAM`: the events of all shards, packs taken apart."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
from collections.abc import Iterator, Sequence

import msgspec

from headrace_producers.compression import decompressed
from headrace_producers.contracts import Contract
from headrace_producers.reading import Record, Shards

_ROUND_S = 0.25
"""A shard answers five reads a second."""


def run(options: argparse.Namespace, contracts: Sequence[Contract]) -> int:
    del contracts
    from headrace_producers.boto import connect_reader

    shards = Shards(connect_reader(options.stream), from_start=options.from_start)
    show = _json_line if options.json else _human_line
    try:
        for line in itertools.islice(follow(shards), options.limit):
            print(show(*line), flush=True)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 0


def follow(shards: Shards, rest: threading.Event | None = None) -> Iterator[tuple[Record, bytes]]:
    """Every line of every record, shard by shard in rounds; rests where a round brought nothing."""
    pause = rest or threading.Event()
    while not pause.is_set():
        records = shards.read()
        for record in records:
            yield from ((record, line) for line in decompressed(record.data).splitlines())
        if not records:
            pause.wait(_ROUND_S)


def _json_line(record: Record, line: bytes) -> str:
    said = {"shard_id": record.shard_id, "sequence_number": record.sequence_number}
    try:
        event = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.dumps({**said, "line": line.decode(errors="replace")})
    return json.dumps({**said, "event": event}, ensure_ascii=False)


def _human_line(record: Record, line: bytes) -> str:
    shard = record.shard_id.removeprefix("shardId-").lstrip("0") or "0"
    try:
        event = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict):
        return f"{shard:>4}  {line.decode(errors='replace')}"
    data = " ".join(f"{name}={value}" for name, value in event["data"].items() if value is not None)
    return f"{shard:>4}  {event.get('time', '')}  {event.get('type', '')}  {data}"
