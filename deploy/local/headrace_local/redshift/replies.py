"""PostgreSQL's answers, as Redshift would give them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from headrace_local.redshift import wire
from headrace_local.redshift.errors import INTERNAL_ERROR, RedshiftError
from headrace_local.redshift.wire import Field, Message

SUPER_OID: Final = 4000
VARBYTE_OID: Final = 6551
_BYTEA_OID: Final = 17
_KNOWN_OIDS: Final = frozenset(
    {16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 700, 701, 705, 1002, 1005, 1007, 1009, 1015, 1021, 1028}
    | {1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1700, 2278}
)
"""Types that Redshift's driver reads as PostgreSQL sends them. Any other would put it one answer out of step."""
_BYTES_CHECK: Final = re.compile(r"headrace_bytes_\d+_(?P<size>\d+)")
_SERIALIZATION: Final = "40001"
_CHECK: Final = "23514"


class Replies:
    """One client's."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self.instead: RedshiftError | None = None
        """What the next error really is: PostgreSQL only says that the rows of a COPY did not come."""
        self._varbytes: dict[bytes, tuple[int, ...]] = {}

    def forward(self, message: Message) -> None:
        self._send(message)

    def described(self, what: bytes, *, silent: bool = False) -> Callable[[Message], None]:
        """Of the statement or portal `what`, with Redshift's types. Silent: only where there is any."""

        def deliver(message: Message) -> None:
            if message.code == b"T":
                columns = wire.fields(message.body)
                places = [place for place, column in enumerate(columns) if column.type_oid == _BYTEA_OID]
                self._varbytes[what] = tuple(places)
                self._send(wire.row_description([_known(column) for column in columns]))
            elif not silent:
                self._send(message)

        return deliver

    def rows(self, *described: bytes) -> Callable[[Message], None]:
        """Of a portal, known by what was described: itself or its statement."""
        places = next((self._varbytes[what] for what in described if what in self._varbytes), ())
        if not places:
            return self.forward
        return lambda message: self._send(_with_plain_hex(message, places) if message.code == b"D" else message)

    def forward_as(self, tag: str) -> Callable[[Message], None]:
        """What was done has another name."""
        return lambda message: self._send(wire.complete(tag) if message.code == b"C" else message)

    def complete(self, tag: str, sentence: str) -> None:
        self._send(wire.info(sentence))
        self._send(wire.complete(tag))

    def unasked(self, message: Message) -> None:
        """Errors and notices."""
        if message.code == b"E":
            instead, self.instead = self.instead, None
            message = Message(b"E", wire.notice_body(_error(wire.notice_fields(message.body), instead)))
        self._send(message)


def _error(said: Mapping[str, str], instead: RedshiftError | None) -> dict[str, str]:
    if instead is not None:
        detail = {"D": instead.detail} if instead.detail else {}
        return {"S": "ERROR", "V": "ERROR", "C": instead.sqlstate, "M": instead.sentence, **detail}
    if said.get("C") == _SERIALIZATION:
        return {**said, "C": INTERNAL_ERROR, "M": "1023", "D": f"Serializable isolation violation: {said['M']}"}
    too_long = _BYTES_CHECK.fullmatch(said.get("n", "")) if said.get("C") == _CHECK else None
    if too_long:
        return {
            "S": "ERROR",
            "V": "ERROR",
            "C": "22001",
            "M": f"value too long for type character varying({too_long['size']})",
        }
    # Where in our own functions an error was raised says nothing to a client.
    return {letter: text for letter, text in said.items() if letter != "W" or "headrace" not in text}


def _known(column: Field) -> Field:
    if column.type_oid in _KNOWN_OIDS:
        return column
    return replace(column, type_oid=VARBYTE_OID if column.type_oid == _BYTEA_OID else SUPER_OID)


def _with_plain_hex(message: Message, places: tuple[int, ...]) -> Message:
    """Redshift's VARBYTE is hex digits and nothing before them."""
    values = wire.row(message.body)
    for place in places:
        value = values[place]
        values[place] = value.removeprefix(b"\\x") if value else value
    return wire.data_row(values)
