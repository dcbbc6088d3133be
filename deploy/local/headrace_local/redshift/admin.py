"""A connection of the gateway's own, as the superuser, outside of any client's transaction."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from headrace_local.errors import LocalError
from headrace_local.redshift import wire
from headrace_local.redshift.backend import Backend, open_backend
from headrace_local.redshift.postgres import SUPERUSER
from headrace_local.redshift.wire import Message


class AdminError(LocalError):
    """PostgreSQL refused a statement of the gateway's own."""


class Admin:
    """One question at a time."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._turn = asyncio.Lock()
        self._error: str | None = None
        backend.tell = self._keep_error
        self._pump = asyncio.create_task(backend.pump())

    @classmethod
    async def open(cls, socket: Path | str, database: str) -> Admin:
        backend, _ = await open_backend(socket, {"user": SUPERUSER, "database": database})
        return cls(backend)

    async def rows(self, sql: str) -> list[list[str | None]]:
        """Runs one statement or several, in a transaction of their own; the rows of all. Raises AdminError."""
        rows: list[list[str | None]] = []

        def keep(message: Message) -> None:
            if message.code == b"D":
                rows.append([None if value is None else value.decode() for value in wire.row(message.body)])

        async with self._turn:
            self._error = None
            ended = await self._backend.post(wire.query(sql), keep)
            if self._error or ended.code == b"E":
                raise AdminError(self._error or "PostgreSQL has ended the connection")
        return rows

    async def close(self) -> None:
        await self._backend.close()
        self._pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pump

    def _keep_error(self, message: Message) -> None:
        if message.code == b"E":
            said = wire.notice_fields(message.body)
            self._error = said.get("M", "") + (f" ({said['W']})" if "W" in said else "")
