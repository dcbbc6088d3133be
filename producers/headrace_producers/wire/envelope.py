"""One event as one line: a CloudEvents 1.0 JSON object and a line feed. Attributes stand in this order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

MAX_RECORD_BYTES = 1024 * 1024
"""The default limit of a Kinesis record; data and partition key count together."""

MAX_ID_BYTES = 1024
"""Of an event's id in UTF-8."""


class CloudEvent(msgspec.Struct, frozen=True):
    """The envelope; `data` is the contract's object."""

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    data: Any


_encoder = msgspec.json.Encoder()


def encode_line(
    event_id: str, source: str, event_type: str, time: datetime, data: msgspec.Struct | msgspec.Raw
) -> bytes:
    """The line of one event, its line feed included."""
    return _encoder.encode(CloudEvent("1.0", event_id, source, event_type, time, data)) + b"\n"


def join_lines(lines: Sequence[bytes]) -> bytes:
    """The data of a pack, not compressed: every line ends in a line feed, the last one too."""
    return b"".join(lines)
