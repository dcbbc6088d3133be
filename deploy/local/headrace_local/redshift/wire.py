"""PostgreSQL's wire protocol 3.0, which Redshift speaks too: bytes to messages and back. It knows no sockets."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_HEADER = struct.Struct("!cI")
_INT32 = struct.Struct("!i")
_INT16 = struct.Struct("!h")
_FIELD = struct.Struct("!IhIhih")
_LENGTH_BYTES = 4
_HEADER_BYTES = 5
NO_OIDS: Final = _INT16.pack(0)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of either side; `body` is what follows its code and length."""

    code: bytes
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return _HEADER.pack(self.code, len(self.body) + _LENGTH_BYTES) + self.body


SYNC = Message(b"S")
FLUSH = Message(b"H")
COPY_DONE = Message(b"c")


class Splitter:
    """Cuts a stream of bytes into messages; what is incomplete waits for more."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        self._held += data
        at = 0
        while (end := self._end(at)) is not None:
            code, _ = _HEADER.unpack_from(self._held, at)
            yield Message(code, bytes(self._held[at + _HEADER_BYTES : end]))
            at = end
        del self._held[:at]

    def _end(self, at: int) -> int | None:
        if len(self._held) < at + _HEADER_BYTES:
            return None
        _, length = _HEADER.unpack_from(self._held, at)
        end: int = at + 1 + length
        return end if end <= len(self._held) else None


def text(value: str) -> bytes:
    """A string as the protocol has it."""
    return value.encode() + b"\0"


def cut_text(body: bytes, at: int = 0) -> tuple[str, int]:
    """The string that begins at `at`, and where the next thing begins."""
    end = body.index(b"\0", at)
    return body[at:end].decode(), end + 1


# What a client sends.


def startup(parameters: Mapping[str, str]) -> bytes:
    body = _INT32.pack(196608) + b"".join(text(name) + text(value) for name, value in parameters.items()) + b"\0"
    return _INT32.pack(len(body) + _LENGTH_BYTES) + body


def query(sql: str) -> Message:
    return Message(b"Q", text(sql))


@dataclass(frozen=True, slots=True)
class Parse:
    """A statement is prepared: its name (empty: the unnamed one), its SQL, its parameters' types as they came."""

    name: str
    sql: str
    types: bytes = NO_OIDS

    @classmethod
    def of(cls, body: bytes) -> Parse:
        name, at = cut_text(body)
        sql, at = cut_text(body, at)
        return cls(name, sql, body[at:])

    def message(self) -> Message:
        return Message(b"P", text(self.name) + text(self.sql) + self.types)


def bind(portal: str, statement: str, values: Sequence[str | None] = ()) -> Message:
    """Parameters and results as text."""
    packed = b"".join(_value(value) for value in values)
    return Message(b"B", text(portal) + text(statement) + NO_OIDS + _INT16.pack(len(values)) + packed + NO_OIDS)


def bound(body: bytes) -> tuple[str, str]:
    """Portal and statement of a Bind."""
    portal, at = cut_text(body)
    return portal, cut_text(body, at)[0]


def describe(kind: bytes, name: str) -> Message:
    return Message(b"D", kind + text(name))


def close(kind: bytes, name: str) -> Message:
    return Message(b"C", kind + text(name))


def execute(portal: str) -> Message:
    return Message(b"E", text(portal) + _INT32.pack(0))


def copy_data(chunk: bytes) -> bytes:
    return _HEADER.pack(b"d", len(chunk) + _LENGTH_BYTES) + chunk


def copy_fail(why: str) -> Message:
    return Message(b"f", text(why))


def _value(value: str | None) -> bytes:
    if value is None:
        return _INT32.pack(-1)
    raw = value.encode()
    return _INT32.pack(len(raw)) + raw


# What a server sends.


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a row description."""

    name: str
    table_oid: int
    attribute: int
    type_oid: int
    size: int
    modifier: int
    format: int

    def __bytes__(self) -> bytes:
        numbers = (self.table_oid, self.attribute, self.type_oid, self.size, self.modifier, self.format)
        return text(self.name) + _FIELD.pack(*numbers)


def fields(body: bytes) -> list[Field]:
    """The columns of a RowDescription."""
    (count,) = _INT16.unpack_from(body)
    at = _INT16.size
    found = []
    for _ in range(count):
        name, at = cut_text(body, at)
        found.append(Field(name, *_FIELD.unpack_from(body, at)))
        at += _FIELD.size
    return found


def row_description(columns: Sequence[Field]) -> Message:
    return Message(b"T", _INT16.pack(len(columns)) + b"".join(bytes(column) for column in columns))


def row(body: bytes) -> list[bytes | None]:
    """The values of a DataRow."""
    (count,) = _INT16.unpack_from(body)
    at = _INT16.size
    values: list[bytes | None] = []
    for _ in range(count):
        (length,) = _INT32.unpack_from(body, at)
        at += _INT32.size
        values.append(None if length < 0 else body[at : at + length])
        at += max(length, 0)
    return values


def data_row(values: Sequence[bytes | None]) -> Message:
    packed = b"".join(_INT32.pack(-1) if value is None else _INT32.pack(len(value)) + value for value in values)
    return Message(b"D", _INT16.pack(len(values)) + packed)


def notice_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or a NoticeResponse by their letters."""
    parts = body.rstrip(b"\0").split(b"\0")
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in parts if part}


def notice_body(said: Mapping[str, str]) -> bytes:
    return b"".join(letter.encode() + text(value) for letter, value in said.items()) + b"\0"


def error(sentence: str, sqlstate: str, severity: str = "ERROR") -> Message:
    return Message(b"E", notice_body({"S": severity, "V": severity, "C": sqlstate, "M": sentence}))


def info(sentence: str) -> Message:
    return Message(b"N", notice_body({"S": "INFO", "V": "INFO", "C": "00000", "M": sentence}))


def complete(tag: str) -> Message:
    return Message(b"C", text(tag))


def ready(status: bytes) -> Message:
    return Message(b"Z", status)


def parameter(name: str, value: str) -> Message:
    return Message(b"S", text(name) + text(value))
