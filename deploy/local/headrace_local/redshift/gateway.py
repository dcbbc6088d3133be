"""The server that Redshift's clients connect to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headrace_local.redshift import startup
from headrace_local.redshift.backend import Backend, open_backend
from headrace_local.redshift.circle import Circle
from headrace_local.redshift.errors import RedshiftError
from headrace_local.redshift.journal import Journal
from headrace_local.redshift.replies import Replies
from headrace_local.redshift.session import Session
from headrace_local.redshift.startup import CancelRequest, EncryptionRequest, StartupRequest
from headrace_local.redshift.wire import Message

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logging.getLogger(__name__)

_MAX_STARTUP_BYTES: Final = 10_000
_PARTING_S: Final = 2.0


class _S3:
    """The local AWS's, made when it is first needed."""

    def __init__(self, endpoint: str | None) -> None:
        self._endpoint = endpoint
        self._client: S3Client | None = None
        self._lock = threading.Lock()

    def __call__(self) -> S3Client:
        if self._endpoint is None:
            raise RedshiftError("COPY and UNLOAD need AWS_ENDPOINT_URL in the local Redshift's environment")
        from headrace_local.environment import AwsClients

        with self._lock:
            self._client = self._client or AwsClients(self._endpoint).s3
        return self._client


class Gateway:
    """Takes clients until it is closed."""

    def __init__(self, socket: Path | str, journal: Journal, aws_endpoint: str | None) -> None:
        self._socket = socket
        self._journal = journal
        self._s3 = _S3(aws_endpoint)
        self._clients: set[asyncio.Task[None]] = set()

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """It listens when this returns; a port of 0 is drawn."""
        return await asyncio.start_server(self._take, host, port)

    async def wait_closed(self) -> None:
        """Until the last client is gone: each goes with its connection to PostgreSQL. Who has none, having said nothing
        yet, or does not read what it is told, is left after a moment."""
        if self._clients:
            _, silent = await asyncio.wait(self._clients, timeout=_PARTING_S)
            for task in silent:
                task.cancel()
            await asyncio.gather(*silent, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._client(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                backend = await self._begin(reader, writer)
                if backend is not None:
                    replies = Replies(lambda message: writer.write(bytes(message)))
                    await Session(reader, writer, Circle(backend, replies, self._journal, self._s3)).run()
        except Exception:
            log.exception("a client's connection ends with an error of the gateway")
        finally:
            writer.close()

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Backend | None:
        """None where there is nothing to serve."""
        while True:
            match await _request(reader):
                case EncryptionRequest():
                    writer.write(startup.REFUSE_ENCRYPTION)
                case CancelRequest(packet):
                    await self._cancel(packet)
                    return None
                case StartupRequest(parameters):
                    return await self._log_in(parameters, reader, writer)
                case _:
                    return None

    async def _log_in(
        self, parameters: dict[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Backend | None:
        writer.write(bytes(startup.ASK_PASSWORD))
        if not startup.is_password(await _message(reader)):
            writer.write(bytes(startup.NO_PASSWORD))
            return None
        backend, said = await open_backend(self._socket, startup.forwarded(parameters))
        for message in startup.greeting(said):
            writer.write(bytes(message))
        return backend

    async def _cancel(self, packet: bytes) -> None:
        _, writer = await asyncio.open_unix_connection(str(self._socket))
        writer.write(packet)
        await writer.drain()
        writer.close()


async def _request(reader: asyncio.StreamReader) -> startup.Request:
    length = int.from_bytes(await reader.readexactly(4))
    if not 8 <= length <= _MAX_STARTUP_BYTES:  # noqa: PLR2004 -- a length and a code
        return startup.UnknownRequest()
    return startup.request(await reader.readexactly(length - 4))


async def _message(reader: asyncio.StreamReader) -> Message:
    header = await reader.readexactly(5)
    return Message(header[:1], await reader.readexactly(min(int.from_bytes(header[1:]) - 4, _MAX_STARTUP_BYTES)))
