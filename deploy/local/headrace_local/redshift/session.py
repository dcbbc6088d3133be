"""One client's connection and its connection to PostgreSQL.

The client's messages are taken one after another; after a Sync the next one waits until PostgreSQL has answered, so
whatever the gateway itself asks in between cannot get out of step with what a driver sends ahead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Final

from headrace_local.redshift import wire
from headrace_local.redshift.backend import BackendError
from headrace_local.redshift.circle import Circle
from headrace_local.redshift.errors import RedshiftError
from headrace_local.redshift.loads import Loads
from headrace_local.redshift.rewrite.masking import split_statements
from headrace_local.redshift.rewrite.plan import Loading, Plan, Refused, Rewritten, Unloading
from headrace_local.redshift.rewrite.rewriting import rewrite
from headrace_local.redshift.unloads import Unloads
from headrace_local.redshift.wire import Message, Parse, Splitter

log = logging.getLogger(__name__)

_READ_BYTES: Final = 1 << 18
_TERMINATE: Final = b"X"
_IDLE: Final = b"I"
_ACTIVE_TRANSACTION: Final = "25001"
_OURS: Final = "COPY headrace_redshift.load FROM STDIN"
"""What PostgreSQL prepares in the place of a statement that the gateway runs itself."""


class Session:
    """From the first statement to the end of either connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        circle: Circle,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._backend = circle.backend
        self._replies = circle.replies
        self._loads = Loads(circle)
        self._unloads = Unloads(circle)
        self._statements: dict[str, Plan] = {}
        self._portals: dict[str, str] = {}
        """By portal its statement."""
        self._status = _IDLE
        self._commit_due = False
        self._backend.tell = self._replies.unasked
        self._backend.room = writer.drain

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
                    with contextlib.suppress(BackendError):
                        await self._take(message)
                await self._backend.drain()

    async def _take(self, message: Message) -> None:
        match message.code:
            case b"P":
                await self._parse(Parse.of(message.body))
            case b"B":
                self._bind(message)
            case b"D":
                self._backend.post(message, self._replies.described(message.body))
            case b"C":
                self._backend.post(message, self._replies.forward)
            case b"E":
                await self._execute(wire.cut_text(message.body)[0], message)
            case b"S":
                await self._sync()
            case b"Q":
                await self._simple(wire.cut_text(message.body)[0])
            case _:
                self._backend.write(bytes(message))

    async def _parse(self, parse: Parse) -> None:
        plan = rewrite(parse.sql)
        self._statements[parse.name] = plan
        if isinstance(plan, Refused):
            await self._refuse(plan.error)
        sent = Parse(parse.name, plan.sql if isinstance(plan, Rewritten) else _OURS, parse.types)
        self._backend.post(sent.message(), self._replies.forward)

    def _bind(self, message: Message) -> None:
        portal, statement = wire.bound(message.body)
        self._portals[portal] = statement
        self._backend.post(message, self._replies.forward)

    async def _execute(self, portal: str, message: Message) -> None:
        if self._backend.failed:
            return
        statement = self._portals.get(portal, "")
        match plan := self._statements.get(statement):
            case Loading():
                await self._transferred(self._loads.load(plan.statement))
            case Unloading():
                await self._transferred(self._unloads.unload(plan.statement, plan.query))
            case Rewritten():
                await self._prepare_for(plan)
                rows = self._replies.rows(b"P" + wire.text(portal), b"S" + wire.text(statement))
                self._backend.post(message, self._replies.forward_as(plan.tag) if plan.tag else rows)
            case _:
                self._backend.post(message, self._replies.forward)

    async def _prepare_for(self, plan: Rewritten) -> None:
        if plan.alone and self._status != _IDLE:
            await self._refuse(
                RedshiftError(f"{plan.alone} cannot run inside a transaction block", _ACTIVE_TRANSACTION)
            )
        if plan.logged:
            log.info("kept for the system views, without effect here: %s", plan.logged)
        for sql in plan.before:
            await self._backend.ask(sql)
        self._commit_due |= plan.commits

    async def _transferred(self, transfer: Coroutine[None, None, None]) -> None:
        try:
            await transfer
        except RedshiftError as error:
            await self._refuse(error)

    async def _refuse(self, error: RedshiftError) -> None:
        """Raises BackendError: the transaction fails as with any error of PostgreSQL's own."""
        self._replies.instead = error
        await self._backend.ask("SELECT headrace_redshift.refuse($1)", [error.sentence])

    async def _sync(self) -> None:
        """ReadyForQuery is passed on last of all: what is due after the statement has been done then."""
        self._status = (await self._backend.post(wire.SYNC)).body
        if self._commit_due and self._status == b"T":
            self._status = (await self._backend.post(wire.query("COMMIT"))).body
        self._commit_due = False
        self._writer.write(bytes(wire.ready(self._status)))

    async def _simple(self, sql: str) -> None:
        """A simple query as the same statements of the extended protocol, without their acknowledgements."""
        with contextlib.suppress(BackendError):
            for statement in split_statements(sql) or [""]:
                await self._simple_statement(statement)
        await self._sync()

    async def _simple_statement(self, sql: str) -> None:
        plan = rewrite(sql)
        if isinstance(plan, Refused):
            await self._refuse(plan.error)
        self._statements[""], self._portals[""] = plan, ""
        if isinstance(plan, Rewritten):
            self._backend.post(Parse("", plan.sql).message())
            self._backend.post(wire.bind("", ""))
            self._backend.post(wire.describe(b"P", ""), self._replies.described(b"P\0", silent=True))
        await self._execute("", wire.execute(""))
