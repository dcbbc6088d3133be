"""`put STREAM`: newline-delimited JSON from stdin into a stream, through the producer itself."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headrace_producers.cli.contracts import find
from headrace_producers.contracts import Contract
from headrace_producers.delivery import Delivery, Outcome
from headrace_producers.encoder import refusal
from headrace_producers.errors import InvalidRecordError, TerminalError, TransientError
from headrace_producers.producer import Producer
from headrace_producers.settings import ProducerSettings

_SHOWN_REFUSALS = 20
_PROGRESS_EVERY_S = 1.0


class _Incoming(msgspec.Struct, frozen=True):
    """What is read of a CloudEvent; its time is taken from the data."""

    id: str
    type: str
    data: msgspec.Raw


@dataclass(slots=True)
class _Summary:
    """What became of the lines."""

    taken: int = 0
    refused: int = 0
    bad: list[tuple[tuple[str, ...], Outcome]] = field(default_factory=list)

    def note(self, delivery: Delivery) -> None:
        if delivery.outcome is not Outcome.DELIVERED:
            self.bad.append((delivery.event_ids, delivery.outcome))


class LineReader:
    """Turns a line into an event and its id, by CloudEvents type, or as bare data of one contract."""

    def __init__(self, contracts: Sequence[Contract], bare: Contract | None) -> None:
        self._bare = msgspec.json.Decoder(bare.event) if bare else None
        self._envelope = msgspec.json.Decoder(_Incoming)
        self._by_type: dict[str, msgspec.json.Decoder[Any]] = {
            one.type: msgspec.json.Decoder(one.event) for one in contracts
        }

    def read(self, line: bytes) -> tuple[Any, str | None]:
        """InvalidRecordError says what is wrong with the line, never with its content."""
        try:
            if self._bare is not None and not _is_cloud_event(line):
                return self._bare.decode(line), None
            envelope = self._envelope.decode(line)
            if envelope.type not in self._by_type:
                raise InvalidRecordError("type", "no declared contract has this type; --module loads more")
            return self._by_type[envelope.type].decode(envelope.data), envelope.id
        except msgspec.ValidationError as error:
            raise refusal(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise InvalidRecordError("line", "is not JSON") from None


def run(options: argparse.Namespace, contracts: Sequence[Contract]) -> int:
    bare = find(options.contract, contracts) if options.contract else None
    settings = ProducerSettings(spool_dir=options.spool, **({"source": options.source} if options.source else {}))
    _check_stream(options.stream)
    summary = _Summary()
    began_s = time.monotonic()
    with Producer(options.stream, settings, on_delivery=summary.note) as producer:
        _put_all(producer, sys.stdin.buffer, LineReader(contracts, bare), summary)
        settled = producer.close(options.timeout)
        _tell(producer, summary, time.monotonic() - began_s)
    return 0 if settled and not summary.refused and not summary.bad else 1


def _check_stream(stream: str) -> None:
    """Says at once what would otherwise be retried: no such stream, no credentials, nobody there."""
    from headrace_producers.boto import connect

    if not connect().list_open_shards(stream):
        raise TerminalError(f"stream {stream} has no open shard")


def _put_all(producer: Producer, lines: Iterable[bytes], reader: LineReader, summary: _Summary) -> None:
    next_progress_s = time.monotonic() + _PROGRESS_EVERY_S
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            producer.put(*reader.read(line))
            summary.taken += 1
        except (InvalidRecordError, TransientError) as error:
            _tell_refusal(summary, number, error)
        if time.monotonic() >= next_progress_s:
            next_progress_s += _PROGRESS_EVERY_S
            _tell_progress(producer)


def _tell_refusal(summary: _Summary, number: int, error: Exception) -> None:
    summary.refused += 1
    if summary.refused <= _SHOWN_REFUSALS:
        print(f"line {number}: refused: {error}", file=sys.stderr)
    elif summary.refused == _SHOWN_REFUSALS + 1:
        print("more lines are refused and only counted from here on", file=sys.stderr)


def _tell_progress(producer: Producer) -> None:
    now = producer.counters()
    print(
        f"{now.put_events:,} put, {now.delivered_events:,} delivered, {now.buffered_events:,} waiting",
        file=sys.stderr,
    )


def _tell(producer: Producer, summary: _Summary, seconds: float) -> None:
    end = producer.counters()
    print(
        f"{end.delivered_events:,} delivered in {end.delivered_packs:,} records ({end.delivered_bytes:,} bytes), "
        f"{summary.refused:,} refused, {end.unknown_events:,} unknown, {end.lost_events:,} lost, "
        f"{end.spooled_packs:,} packs left in the spool, {seconds:.1f} s",
        file=sys.stderr,
    )


def _is_cloud_event(line: bytes) -> bool:
    return b'"specversion"' in line
