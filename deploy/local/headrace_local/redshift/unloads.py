"""UNLOAD to S3, inside the client's transaction."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from headrace_local.redshift import wire
from headrace_local.redshift.backend import BackendError, require
from headrace_local.redshift.circle import Circle
from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.errors import RedshiftError
from headrace_local.redshift.journal import Value
from headrace_local.redshift.unloading.statement import UnloadStatement
from headrace_local.redshift.wire import Field, Message

if TYPE_CHECKING:
    from headrace_local.redshift.unloading.writing import Unloaded

_OWN: Final = "headrace_transfer"
_HELD_CHUNKS: Final = 256
_WAIT_S: Final = 0.002
_TYPES: Final = """
SELECT headrace_redshift.type_name(type_oid, modifier)
FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS listed (type_oid, modifier, place) ORDER BY place
"""


class Unloads:
    """One client's."""

    def __init__(self, circle: Circle) -> None:
        self._backend = circle.backend
        self._replies = circle.replies
        self._journal = circle.journal
        self._s3 = circle.s3

    async def unload(self, statement: UnloadStatement, query: str) -> None:
        """Raises RedshiftError, and BackendError where the client has been told already."""
        [[session_id, transaction_id]] = await self._backend.ask("SELECT pg_backend_pid(), pg_current_xact_id()")
        entry = await self._journal.begin(int(session_id or 0), int(transaction_id or 0))
        try:
            columns = await self._described(query)
            unloaded = await self._write(statement, query, columns)
        except (RedshiftError, BackendError) as error:
            said = {"status": "aborted", "error_message": str(error)[:1024]}
            await self._journal.write("unload", entry, {**_unload(statement), **said})
            raise
        await self._journal.write("unload", entry, {**_unload(statement), **_done(unloaded)})
        self._replies.complete("UNLOAD", f"UNLOAD completed, {unloaded.rows} record(s) unloaded successfully.")

    async def _described(self, query: str) -> list[TableColumn]:
        found: list[Field] = []

        def keep(message: Message) -> None:
            if message.code == b"T":
                found.extend(wire.fields(message.body))

        self._backend.prepare(_OWN, query)
        done = self._backend.post(wire.describe(b"S", _OWN), keep)
        self._backend.write(bytes(wire.FLUSH))
        require(await done)
        oids = ",".join(str(field.type_oid) for field in found)
        modifiers = ",".join(str(field.modifier) for field in found)
        names = await self._backend.ask(_TYPES, [f"{{{oids}}}", f"{{{modifiers}}}"])
        return [TableColumn(field.name, str(name)) for field, [name] in zip(found, names, strict=True)]

    async def _write(self, statement: UnloadStatement, query: str, columns: Sequence[TableColumn]) -> Unloaded:
        """The rows go to a thread that writes; one that falls behind is waited for."""
        from headrace_local.redshift.unloading.columns import QUERY_OPTIONS

        chunks = _Chunks()

        def take(message: Message) -> None:
            if message.code == b"d":
                chunks.put(message.body)

        writing = asyncio.ensure_future(asyncio.to_thread(self._upload, statement, columns, chunks))
        before, self._backend.room = self._backend.room, chunks.room
        try:
            self._backend.prepare(_OWN, f"COPY ({query}) TO STDOUT ({QUERY_OPTIONS})")
            self._backend.post(wire.bind(_OWN, _OWN))
            done = self._backend.post(wire.execute(_OWN), take)
            self._backend.write(bytes(wire.FLUSH))
            writing.add_done_callback(lambda _: chunks.drop())
            ended = await done
            chunks.end(failed=ended.code == b"E")
            unloaded = await writing
        finally:
            self._backend.room = before
        require(ended)
        return unloaded

    def _upload(self, statement: UnloadStatement, columns: Sequence[TableColumn], chunks: _Chunks) -> Unloaded:
        from headrace_local.redshift.unloading.writing import write

        return write(statement, columns, chunks, self._s3())


class _Chunks:
    """From the event loop to the thread."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._failed = False
        self._dropped = False

    def put(self, chunk: bytes) -> None:
        if not self._dropped:
            self._queue.put(chunk)

    def drop(self) -> None:
        """Nobody reads any more: what still comes is let go."""
        self._dropped = True

    def end(self, *, failed: bool) -> None:
        self._failed = failed
        self._queue.put(None)

    async def room(self) -> None:
        while self._queue.qsize() > _HELD_CHUNKS and not self._dropped:  # noqa: ASYNC110 -- it is a thread that reads
            await asyncio.sleep(_WAIT_S)

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._queue.get()) is not None:
            yield chunk
        if self._failed:
            raise BackendError("the query of the UNLOAD failed")


def _unload(statement: UnloadStatement) -> dict[str, Value]:
    return {"unloaded_location": str(statement.target)[:2048], "file_format": statement.format}


def _done(unloaded: Unloaded) -> dict[str, Value]:
    return {
        "status": "completed",
        "unloaded_rows": unloaded.rows,
        "unloaded_files_count": len(unloaded.files),
        "unloaded_files_size": sum(file.bytes for file in unloaded.files),
    }
