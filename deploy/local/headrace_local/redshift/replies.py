"""PostgreSQL's answers, as Redshift would give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from headrace_local.redshift import wire
from headrace_local.redshift.wire import Field, Message

SUPER_OID: Final = 4000
VARBYTE_OID: Final = 6551
_BYTEA_OID: Final = 17
_KNOWN_OIDS: Final = frozenset(
    {16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 700, 701, 705, 1002, 1005, 1007, 1009, 1015, 1021, 1028}
    | {1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1700, 2278}
)
"""Types that Redshift's driver reads as PostgreSQL sends them. Any other would put it one answer out of step."""


class Replies:
    """One client's."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send

    def forward(self, message: Message) -> None:
        self._send(_described(message) if message.code == b"T" else message)

    def forward_rows(self, message: Message) -> None:
        """A description only where there is one to give."""
        if message.code == b"T":
            self.forward(message)

    def unasked(self, message: Message) -> None:
        """Errors and notices."""
        self._send(message)


def _described(message: Message) -> Message:
    return wire.row_description([_known(column) for column in wire.fields(message.body)])


def _known(column: Field) -> Field:
    if column.type_oid in _KNOWN_OIDS:
        return column
    return replace(column, type_oid=SUPER_OID)
