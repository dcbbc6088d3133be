"""A connection to PostgreSQL on which several ask in turn: each answer goes to whoever asked.

Theory of operation: every request has one answer that ends it, in the order of the requests. So a queue of what is
expected says whose answer comes next. An error ends its request and all after it up to the next Sync, which alone
PostgreSQL answers then.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headrace_local.errors import LocalError
from headrace_local.redshift import wire
from headrace_local.redshift.wire import Message, Splitter

Deliver = Callable[[Message], None]

_ENDS: Final = {
    b"P": frozenset({b"1"}),
    b"B": frozenset({b"2"}),
    b"C": frozenset({b"3"}),
    b"D": frozenset({b"T", b"n"}),
    b"E": frozenset({b"C", b"I", b"s"}),
    b"S": frozenset({b"Z"}),
    b"Q": frozenset({b"Z"}),
}
_ASYNCHRONOUS: Final = frozenset({b"N", b"S", b"A"})
_READ_BYTES = 1 << 18
_OWN = "headrace"
"""Name of the statement and the portal of questions of our own."""


class BackendLostError(LocalError):
    """PostgreSQL ended the connection."""


class BackendError(LocalError):
    """PostgreSQL answered with an error, which the client has already been given."""


@dataclass(frozen=True, slots=True)
class _Expected:
    ends: frozenset[bytes]
    deliver: Deliver
    done: asyncio.Future[Message]


def ignore(_message: Message) -> None:
    """For answers that nobody wants."""


class Backend:
    """`tell` takes errors and what comes unasked; `room` is awaited between reads, so that a slow client is not
    buried."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tell: Deliver = ignore
        self.room: Callable[[], Awaitable[None]] = _no_wait
        self.failed = False
        """PostgreSQL ignores everything until the next Sync."""
        self._reader = reader
        self._writer = writer
        self._expected: deque[_Expected] = deque()
        self._lost = False

    def post(self, message: Message, deliver: Deliver = ignore) -> asyncio.Future[Message]:
        """Asks; the future is the message that ends the answer, an error included."""
        done: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        ends = _ENDS[message.code]
        if self._lost or (self.failed and b"Z" not in ends):
            done.set_result(_NOT_RUN)
            return done
        self._expected.append(_Expected(ends, deliver, done))
        self._writer.write(bytes(message))
        return done

    def write(self, data: bytes) -> None:
        """What has no answer: Flush, rows of a COPY."""
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    def prepare(self, name: str, sql: str) -> asyncio.Future[Message]:
        """A statement and a portal of our own, in the place of an earlier one that may have failed half-way."""
        self.post(wire.close(b"P", name))
        self.post(wire.close(b"S", name))
        return self.post(wire.Parse(name, sql).message())

    async def ask(self, sql: str, values: Sequence[str | None] = ()) -> list[list[str | None]]:
        """A question of our own in the middle of the client's, in the same transaction. Raises BackendError; the client
        has been told the error then."""
        rows: list[list[str | None]] = []

        def keep(message: Message) -> None:
            if message.code == b"D":
                rows.append([None if value is None else value.decode() for value in wire.row(message.body)])

        self.prepare(_OWN, sql)
        self.post(wire.bind(_OWN, _OWN, values))
        done = self.post(wire.execute(_OWN), keep)
        self.write(bytes(wire.FLUSH))
        require(await done)
        return rows

    async def pump(self) -> None:
        """Reads answers until PostgreSQL ends the connection."""
        splitter = Splitter()
        try:
            while data := await self._reader.read(_READ_BYTES):
                for message in splitter.feed(data):
                    self._take(message)
                await self.room()
        except ConnectionError:
            pass
        finally:
            self._lose()

    async def close(self) -> None:
        self._writer.close()

    def _take(self, message: Message) -> None:
        if message.code in _ASYNCHRONOUS:
            self.tell(message)
        elif message.code == b"E":
            self.tell(message)
            self._fail(message)
        elif self._expected:
            self._answer(message)

    def _answer(self, message: Message) -> None:
        head = self._expected[0]
        if message.code in head.ends:
            self._expected.popleft()
            self.failed = False
        head.deliver(message)
        if message.code in head.ends and not head.done.done():
            head.done.set_result(message)

    def _fail(self, error: Message) -> None:
        """A simple query alone is ended by ReadyForQuery all the same."""
        self.failed = True
        while self._expected and b"Z" not in self._expected[0].ends:
            _resolve(self._expected.popleft(), error)

    def _lose(self) -> None:
        self._lost = True
        while self._expected:
            _resolve(self._expected.popleft(), _NOT_RUN)


def _resolve(expected: _Expected, message: Message) -> None:
    if not expected.done.done():
        expected.done.set_result(message)


def require(message: Message) -> Message:
    """Raises BackendError where the answer is an error."""
    if message.code == b"E":
        raise BackendError(wire.notice_fields(message.body).get("M", "PostgreSQL refused"))
    return message


async def _no_wait() -> None:
    return


async def open_backend(socket: Path | str, parameters: dict[str, str]) -> tuple[Backend, bytes]:
    """A connection after its start, and what PostgreSQL said on the way, ReadyForQuery included. Where that ends
    with an error, PostgreSQL has refused."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(wire.startup(parameters))
    said = bytearray()
    while True:
        header = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(header[1:]) - 4)
        said += header + body
        if header[:1] in b"ZE":
            return Backend(reader, writer), bytes(said)


_NOT_RUN: Final = wire.error("the connection to PostgreSQL was lost, or an earlier statement failed", "25P02")
