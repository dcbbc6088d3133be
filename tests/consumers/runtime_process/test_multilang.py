"""The protocol: bytes in, messages out."""

from __future__ import annotations

import base64
import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.errors import ProtocolError
from headrace_consumers.runtime.multilang import (
    CheckpointReply,
    Initialize,
    LeaseLost,
    LineBuffer,
    Message,
    ProcessRecords,
    ShardEnded,
    ShutdownRequested,
    decode_message,
    encode_checkpoint,
    encode_status,
)

PAYLOAD = "4711-secret-payload"


def _line(data: list[bytes]) -> bytes:
    """As KCL 3.1.3 writes it."""
    records = [
        {
            "action": "record",
            "data": base64.b64encode(datum).decode(),
            "partitionKey": "key",
            "sequenceNumber": str(49 * 10**54 + number),
            "subSequenceNumber": None,
            "approximateArrivalTimestamp": 1_700_000_000_000 + number,
        }
        for number, datum in enumerate(data)
    ]
    return json.dumps({"action": "processRecords", "records": records, "millisBehindLatest": 12}).encode()


@given(st.lists(st.binary(max_size=200), max_size=6), st.data())
def test_any_cut_of_the_bytes_gives_the_same_messages(batches: list[bytes], data: st.DataObject) -> None:
    """Pipes cut where they like: messages do not depend on it."""
    lines = [_line([batch]) for batch in batches]
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    buffer, heard = LineBuffer(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        heard += [decode_message(line) for line in buffer.feed(stream[begin:end])]
    assert heard == [decode_message(line) for line in lines]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            b'{"action":"initialize","shardId":"shardId-0","sequenceNumber":"TRIM_HORIZON","subSequenceNumber":0}',
            Initialize("shardId-0", "TRIM_HORIZON", 0),
        ),
        (b'{"action":"leaseLost"}', LeaseLost()),
        (b'{"action":"shardEnded"}', ShardEnded()),
        (b'{"action":"shutdownRequested"}', ShutdownRequested()),
        (
            b'{"action":"checkpoint","sequenceNumber":"49","subSequenceNumber":0,"error":"ThrottlingException"}',
            CheckpointReply("49", 0, "ThrottlingException"),
        ),
        (b'{"millisBehindLatest":null,"records":[],"action":"processRecords"}', ProcessRecords([], None)),
    ],
)
def test_each_message_of_the_daemon_is_understood(line: bytes, message: Message) -> None:
    """In any order of keys."""
    assert decode_message(line) == message


@pytest.mark.parametrize(
    "line",
    [
        f'{{"action":"processRecords","records":[{{"data":"{PAYLOAD}","partitionKey":"k"}}]}}',
        f'{{"action":"{PAYLOAD}"}}',
        f'{{"action":"initialize","shardId":"s","sequenceNumber":7,"x":"{PAYLOAD}"}}',
        f'"{PAYLOAD}"',
        f'{{"action":"processRecords","records":["{PAYLOAD}"',
        f'{{"action":"processRecords","records":[],"millisBehindLatest":"{PAYLOAD}"}}',
    ],
)
def test_a_malformed_line_is_refused_without_quoting_it(line: str) -> None:
    """Lines hold payloads, and errors end up in logs."""
    with pytest.raises(ProtocolError) as refused:
        decode_message(line.encode())
    assert PAYLOAD not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_protocol_errors(line: bytes) -> None:
    """Whatever comes through the pipe."""
    try:
        decode_message(line)
    except ProtocolError:
        return


def test_answers_are_what_the_daemon_reads() -> None:
    """A checkpoint without a number says null, which only a shard's end may."""
    assert json.loads(encode_status("initialize")) == {"action": "status", "responseFor": "initialize"}
    assert json.loads(encode_checkpoint("49"))["sequenceNumber"] == "49"
    assert json.loads(encode_checkpoint(None)) == {
        "action": "checkpoint", "sequenceNumber": None, "subSequenceNumber": None,
    }  # fmt: skip


def test_a_line_of_nine_megabytes_is_decoded_faster_than_json_alone() -> None:
    """One typed pass, base64 included, beats the stock client's json.loads, which decodes no base64 yet."""
    line = _line([b"x" * 532] * 10_000)
    ours = min(_seconds(lambda: decode_message(line)) for _ in range(3))
    theirs = min(_seconds(lambda: json.loads(line)) for _ in range(3))
    assert ours < theirs


def _seconds(work: object) -> float:
    began_s = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - began_s


def test_records_are_typed_down_to_their_bytes() -> None:
    """Payload, key, position and arrival come out of the one decoder."""
    message = decode_message(_line([b"\x00\xff", b"b"]))
    assert isinstance(message, ProcessRecords)
    assert [record.data for record in message.records] == [b"\x00\xff", b"b"]
    assert message.records[1].position == 49 * 10**54 + 1
    assert msgspec.structs.asdict(message.records[0])["approximate_arrival_timestamp"] == 1_700_000_000_000


@given(st.lists(st.binary(max_size=9_000), min_size=1, max_size=4), st.booleans())
def test_large_records_are_decoded_as_small_ones(data: list[bytes], escaped: bool) -> None:  # noqa: FBT001 - drawn
    """The faster decoder of large records gives what the typed one gives, for every text that JSON allows."""
    line = _line(data).replace(b'": ', b'":')
    if escaped:
        line = line.replace(b"/", b"\\/")
    decoded = decode_message(line)
    assert isinstance(decoded, ProcessRecords)
    assert [record.data for record in decoded.records] == data
    assert decoded == msgspec.json.decode(line, type=ProcessRecords)


@pytest.mark.parametrize("spoilt", [b"!", b"=", b"\\u0041"])
def test_large_data_that_is_no_base64_is_no_message(spoilt: bytes) -> None:
    """As with small records: a sentence, and nothing of the payload."""
    line = _line([bytes(9_000)]).replace(b'": ', b'":').replace(b"AAAA", spoilt, 1)
    with pytest.raises(ProtocolError, match="is no message"):
        decode_message(line[:-40] if spoilt == b"\\u0041" else line)
