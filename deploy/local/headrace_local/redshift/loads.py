"""COPY from S3, inside the client's transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headrace_local.redshift import wire
from headrace_local.redshift.backend import BackendError, require
from headrace_local.redshift.circle import Circle, quoted
from headrace_local.redshift.copying.columns import TableColumn
from headrace_local.redshift.copying.failures import CopyFailure
from headrace_local.redshift.copying.loading import CopySource, open_copy
from headrace_local.redshift.copying.statement import CopyStatement
from headrace_local.redshift.errors import RedshiftError
from headrace_local.redshift.journal import Entry, Value
from headrace_local.redshift.wire import Message

_OWN: Final = "headrace_transfer"
_TARGET: Final = """
SELECT pg_backend_pid(), pg_current_xact_id(), relation, attname, headrace_redshift.type_name(atttypid, atttypmod),
  attnotnull, attidentity <> ''
FROM (SELECT $1::regclass::oid AS relation) AS target
JOIN pg_attribute ON attrelid = relation AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


@dataclass(frozen=True, slots=True)
class _Target:
    """The table that is loaded, and who loads it."""

    name: str
    oid: int
    session_id: int
    transaction_id: int
    columns: Sequence[TableColumn]


class Loads:
    """One client's."""

    def __init__(self, circle: Circle) -> None:
        self._backend = circle.backend
        self._replies = circle.replies
        self._journal = circle.journal
        self._s3 = circle.s3

    async def load(self, statement: CopyStatement) -> None:
        """Raises RedshiftError, and BackendError where the client has been told already."""
        target = await self._target(statement)
        entry = await self._journal.begin(target.session_id, target.transaction_id)
        try:
            source = await asyncio.to_thread(self._open, statement, target)
            await self._copy(source, target)
        except (RedshiftError, BackendError) as error:
            await self._note_failure(entry, target, statement, error)
            raise
        await self._note_load(entry, target, statement, source)
        sentence = f"Load into table '{statement.table}' completed, {source.rows} record(s) loaded successfully."
        self._replies.complete("COPY", sentence)

    async def _target(self, statement: CopyStatement) -> _Target:
        name = ".".join(quoted(part) for part in (statement.schema, statement.table) if part)
        rows = await self._backend.ask(_TARGET, [name])
        [session_id, transaction_id, oid, *_] = rows[0]
        identities = {row[3] for row in rows if row[6] == "t"}
        there = {str(row[3]): TableColumn(str(row[3]), str(row[4]), row[5] == "t") for row in rows}
        names = statement.columns or [each for each in there if statement.explicit_ids or each not in identities]
        for each in names:
            _require_loadable(each, there, identities, statement)
        return _Target(
            name, int(oid or 0), int(session_id or 0), int(transaction_id or 0), [there[each] for each in names]
        )

    def _open(self, statement: CopyStatement, target: _Target) -> CopySource:
        return open_copy(statement, target.columns, self._s3())

    async def _copy(self, source: CopySource, target: _Target) -> None:
        listed = ", ".join(quoted(column.name) for column in target.columns)
        done = await self._begin(f"COPY {target.name} ({listed}) FROM STDIN ({source.options})")
        chunks = iter(source)
        try:
            while not self._backend.failed and (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                self._backend.write(wire.copy_data(chunk))
                await self._backend.drain()
        except RedshiftError as error:
            self._replies.instead = error
            self._backend.write(bytes(wire.copy_fail(error.sentence)))
            self._backend.write(bytes(wire.FLUSH))
            await done
            raise BackendError(error.sentence) from error
        self._backend.write(bytes(wire.COPY_DONE) + bytes(wire.FLUSH))
        require(await done)

    async def _begin(self, sql: str) -> asyncio.Future[Message]:
        """Returns when PostgreSQL takes rows."""
        started = asyncio.get_running_loop().create_future()

        def start(message: Message) -> None:
            if message.code == b"G":
                started.set_result(None)

        self._backend.prepare(_OWN, sql)
        self._backend.post(wire.bind(_OWN, _OWN))
        done = self._backend.post(wire.execute(_OWN), start)
        self._backend.write(bytes(wire.FLUSH))
        await asyncio.wait({started, done}, return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            require(done.result())
        return done

    async def _note_load(self, entry: Entry, target: _Target, statement: CopyStatement, source: CopySource) -> None:
        settings = (
            "SELECT set_config('headrace.last_copy_count', $1, false), set_config('headrace.last_copy_id', $2, false)"
        )
        await self._backend.ask(settings, [str(source.rows), str(entry.query_id)])
        loaded = {
            "loaded_rows": source.rows,
            "loaded_bytes": sum(file.bytes for file in source.files),
            "source_file_count": len(source.files),
        }
        await self._journal.write("load", entry, {**_load(target, statement), "status": "completed", **loaded})
        await self._journal.write_files(entry, [(file.url, file.bytes, file.rows) for file in source.files])
        await self._journal.write_errors(entry, target.oid, source.tolerated)

    async def _note_failure(
        self, entry: Entry, target: _Target, statement: CopyStatement, error: RedshiftError | BackendError
    ) -> None:
        failure = error if isinstance(error, RedshiftError) else error.__cause__
        said = {"status": "aborted", "error_message": str(failure or error)[:1024]}
        await self._journal.write("load", entry, {**_load(target, statement), **said})
        if isinstance(failure, CopyFailure):
            await self._journal.write_errors(entry, target.oid, [failure.load_error])


def _require_loadable(
    name: str, there: Mapping[str, TableColumn], identities: set[str | None], statement: CopyStatement
) -> None:
    if name not in there:
        raise RedshiftError(f'column "{name}" of relation "{statement.table}" does not exist', "42703")
    if name in identities and not statement.explicit_ids:
        raise RedshiftError(f"cannot set an identity column to a value: {name}; EXPLICIT_IDS allows it")


def _load(target: _Target, statement: CopyStatement) -> dict[str, Value]:
    return {
        "table_id": target.oid,
        "table_name": statement.table,
        "data_source": str(statement.source)[:2048],
        "file_format": type(statement.format).__name__.removesuffix("Format").upper(),
    }
