"""One client's connection and its connection to PostgreSQL.

The client's messages are taken one after another; after a Sync the next one waits until PostgreSQL has answered, so
whatever the gateway itself asks in between cannot get out of step with what a driver sends ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from headrace_local.redshift import wire
from headrace_local.redshift.backend import Backend, BackendError, require
from headrace_local.redshift.replies import Replies
from headrace_local.redshift.rewrite.plan import Refused, Rewritten
from headrace_local.redshift.wire import Message, Parse, Splitter

log = logging.getLogger(__name__)

Rewrite = Callable[[str], Rewritten | Refused]

_READ_BYTES: Final = 1 << 18
_TERMINATE: Final = b"X"


class Session:
    """From the first statement to the end of either connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, backend: Backend, rewrite: Rewrite
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._backend = backend
        self._rewrite = rewrite
        self._replies = Replies(self._send)
        self._statements: dict[str, Rewritten | Refused] = {}
        self._portals: dict[str, Rewritten | Refused] = {}
        self._commit_due = False
        backend.tell = self._replies.unasked
        backend.room = writer.drain

    async def run(self) -> None:
        """Returns when either side has ended the connection; both are closed then."""
        tasks = {asyncio.create_task(self._serve()), asyncio.create_task(self._backend.pump())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._backend.close()

    async def _serve(self) -> None:
        splitter = Splitter()
        with contextlib.suppress(ConnectionError):
            while data := await self._reader.read(_READ_BYTES):
                for message in splitter.feed(data):
                    if message.code == _TERMINATE:
                        return
                    await self._take(message)
                await self._backend.drain()

    async def _take(self, message: Message) -> None:
        match message.code:
            case b"P":
                self._parse(Parse.of(message.body))
            case b"B":
                self._bind(message)
            case b"D":
                self._backend.post(message, self._replies.forward)
            case b"E":
                await self._execute(message)
            case b"C":
                self._backend.post(message, self._replies.forward)
            case b"S":
                await self._sync()
            case b"Q":
                await self._simple(wire.cut_text(message.body)[0])
            case _:
                self._backend.write(bytes(message))

    def _parse(self, parse: Parse) -> None:
        plan = self._rewrite(parse.sql)
        self._statements[parse.name] = plan
        sent = Parse(parse.name, _sql(plan), parse.types)
        self._backend.post(sent.message(), self._replies.forward)

    def _bind(self, message: Message) -> None:
        portal, statement = wire.bound(message.body)
        if statement in self._statements:
            self._portals[portal] = self._statements[statement]
        self._backend.post(message, self._replies.forward)

    async def _execute(self, message: Message) -> None:
        portal, _ = wire.cut_text(message.body)
        plan = self._portals.get(portal)
        with contextlib.suppress(BackendError):
            await self._run(plan, message)

    async def _run(self, plan: Rewritten | Refused | None, message: Message) -> None:
        if isinstance(plan, Rewritten):
            for sql in plan.before:
                await self._backend.ask(sql)
            self._commit_due |= plan.commits
        self._backend.post(message, self._replies.forward)

    async def _sync(self) -> None:
        """ReadyForQuery is passed on last of all: what is due after the statement has been done then."""
        status = require(await self._backend.post(wire.SYNC)).body
        if self._commit_due and status == b"T":
            status = require(await self._backend.post(wire.query("COMMIT"))).body
        self._commit_due = False
        self._send(wire.ready(status))

    async def _simple(self, sql: str) -> None:
        """A simple query as the same statements of the extended protocol, without their acknowledgements."""
        plan = self._rewrite(sql)
        self._portals[""] = plan
        self._backend.post(Parse("", _sql(plan)).message())
        self._backend.post(wire.bind("", ""))
        self._backend.post(wire.describe(b"P", ""), self._replies.forward_rows)
        await self._execute(wire.execute(""))
        await self._sync()

    def _send(self, message: Message) -> None:
        self._writer.write(bytes(message))


def _sql(plan: Rewritten | Refused) -> str:
    return plan.sql if isinstance(plan, Rewritten) else ""
