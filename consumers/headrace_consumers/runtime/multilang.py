"""The MultiLang protocol without its pipes: lines in, messages out. Format: KCL's MultiLangDaemon, JSON lines."""

from __future__ import annotations

import msgspec
import pybase64

from headrace_consumers.errors import ProtocolError
from headrace_consumers.records import KinesisRecord


class Initialize(msgspec.Struct, frozen=True, tag_field="action", tag="initialize", rename="camel"):
    """The shard begins; `sequence_number` is KCL's checkpoint, or a sentinel such as TRIM_HORIZON."""

    shard_id: str
    sequence_number: str
    sub_sequence_number: int | None = None


class ProcessRecords(msgspec.Struct, frozen=True, tag_field="action", tag="processRecords", rename="camel"):
    """Records in the shard's order, perhaps none; base64 is decoded here."""

    records: list[KinesisRecord]
    millis_behind_latest: int | None = 0


class LeaseLost(msgspec.Struct, frozen=True, tag_field="action", tag="leaseLost"):
    """Another worker has the shard: nothing may be checkpointed any more."""


class ShardEnded(msgspec.Struct, frozen=True, tag_field="action", tag="shardEnded"):
    """All records were delivered; the checkpoint at the shard's end is owed."""


class ShutdownRequested(msgspec.Struct, frozen=True, tag_field="action", tag="shutdownRequested"):
    """The worker stops; a last checkpoint is possible."""


class CheckpointReply(msgspec.Struct, frozen=True, tag_field="action", tag="checkpoint", rename="camel"):
    """The answer to our checkpoint; `error` names a Java exception class."""

    sequence_number: str | None = None
    sub_sequence_number: int | None = None
    error: str | None = None


Message = Initialize | ProcessRecords | LeaseLost | ShardEnded | ShutdownRequested | CheckpointReply


class _CodedRecord(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A record whose data is still the JSON text of its base64."""

    data: msgspec.Raw
    partition_key: str
    sequence_number: str
    sub_sequence_number: int | None = None
    approximate_arrival_timestamp: int = 0

    def decoded(self) -> KinesisRecord:
        return KinesisRecord(
            pybase64.b64decode(memoryview(self.data)[1:-1], validate=True),
            self.partition_key,
            self.sequence_number,
            self.sub_sequence_number,
            self.approximate_arrival_timestamp,
        )


class _CodedRecords(msgspec.Struct, frozen=True, tag_field="action", tag="processRecords", rename="camel"):
    records: list[_CodedRecord]
    millis_behind_latest: int | None = 0


_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_coded_decoder = msgspec.json.Decoder(_CodedRecords)
_encode = msgspec.json.Encoder().encode
_DATA = b'"data":"'
_HEAD_BYTES = 4096
"""Records longer than this are worth a call each; base64 by vectors then takes half of the time."""


def decode_message(line: bytes | memoryview) -> Message:
    """One line of the daemon. ProtocolError says what is wrong, never with the line, which holds payloads."""
    try:
        return _decode_packed(line) if _is_packed(line) else _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as refused:
        raise ProtocolError(
            f"the daemon sent a line of {len(line)} bytes that is no message ({type(refused).__name__}); "
            "check that KCL's version is the one this package asks for"
        ) from None


def _is_packed(line: bytes | memoryview) -> bool:
    """Whether the first record's data goes on beyond the head."""
    head = bytes(line[:_HEAD_BYTES])
    begin = head.find(_DATA)
    return begin >= 0 and b'"' not in head[begin + len(_DATA) :]


def _decode_packed(line: bytes | memoryview) -> Message:
    """Equal to the typed decoder's result, which also decides where this one refuses."""
    try:
        coded = _coded_decoder.decode(line)
        return ProcessRecords([record.decoded() for record in coded.records], coded.millis_behind_latest)
    except ValueError:
        return _decoder.decode(line)


def encode_status(response_for: str) -> bytes:
    """The message named is done; the daemon sends the next."""
    return b"\n" + _encode({"action": "status", "responseFor": response_for}) + b"\n"


def encode_checkpoint(sequence_number: str | None) -> bytes:
    """Asks for a checkpoint; without a number only at the shard's end, where KCL then records SHARD_END."""
    body = {"action": "checkpoint", "sequenceNumber": sequence_number, "subSequenceNumber": None}
    return b"\n" + _encode(body) + b"\n"


class LineBuffer:
    """Collects chunks of any size into whole lines, without copying a line more than once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without line feeds; blank ones are skipped."""
        *whole, rest = chunk.split(b"\n")
        lines = []
        for piece in whole:
            self._parts.append(piece)
            line = b"".join(self._parts)
            self._parts.clear()
            if line.strip():
                lines.append(line)
        if rest:
            self._parts.append(rest)
        return lines
