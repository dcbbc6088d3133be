"""Letters for a person, or a program, to read: their payloads too. Only ever written to standard output."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from headrace_batch.letters.filters import ids_of


class ShownLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One letter. A payload that is no text in UTF-8 is told in hexadecimal digits."""

    id: str
    arrival_time: datetime
    commit_id: str
    stage: str | None = None
    reason: str | None = None
    field: str | None = None
    rule: str | None = None
    event_type: str | None = None
    payload: str | None = None
    payload_hex: str | None = None
    event_id: str | None = None
    """Of a late event, as all that follows: its row is in its table."""
    event_time: datetime | None = None
    limit_time: datetime | None = None


def shown(letters: pa.Table) -> Iterator[ShownLetter]:
    """In the table's order."""
    own = [name for name in ShownLetter.__struct_fields__ if name in letters.column_names and name != "payload"]
    rows = letters.select(own).to_pylist()
    payloads = letters["payload"] if "payload" in letters.column_names else [None] * len(letters)
    for row, letter_id, payload in zip(rows, ids_of(letters), payloads, strict=True):
        yield ShownLetter(id=letter_id.as_py(), **row, **_said(payload.as_py() if payload is not None else None))


def told(letter: ShownLetter) -> str:
    """Two lines, whatever the payload holds: what would move a terminal's cursor is escaped."""
    fault = " ".join(text for text in (letter.stage, letter.reason, letter.field) if text) or "late"
    rule = f" ({letter.rule})" if letter.rule else ""
    kind = f", {letter.event_type}" if letter.event_type else ""
    head = f"{letter.id}: {fault}{rule}{kind}, arrived {letter.arrival_time.isoformat()}, commit {letter.commit_id}"
    return f"{head}\n  {_body(letter)}"


def _body(letter: ShownLetter) -> str:
    if letter.payload is not None:
        return letter.payload if letter.payload.isprintable() else ascii(letter.payload)
    if letter.payload_hex is not None:
        return f"hex {letter.payload_hex}"
    return f"event {letter.event_id} of {letter.event_time}, which was late from {letter.limit_time} on"


def _said(payload: bytes | None) -> dict[str, Any]:
    if payload is None:
        return {}
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        return {"payload_hex": payload.hex()}
