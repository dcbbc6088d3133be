"""The warehouse behind redshift_connector: its errors become ours, its connections are ended rather than trusted."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import redshift_connector
from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor
from redshift_connector.error import Error, InterfaceError, OperationalError

from headrace_consumers.errors import WarehouseAwayError, WarehouseBusyError, WarehouseStatementError
from headrace_consumers.settings import WarehouseSettings
from headrace_consumers.warehouse.session import WarehouseSession
from headrace_producers.errors import HeadraceError, SettingsError

_AWAY_CLASSES = ("08", "53", "57P")
"""SQLSTATEs of lost connections, of a server short of connections or memory, and of one that stops or starts."""
_BUSY_STATES = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, a lock that was not had in time."""
_SERIALIZATION = "1023"
"""How Redshift's message for it begins; its SQLSTATE there is XX000, which says nothing."""
_LOST = (OSError, struct.error, IndexError, InterfaceError, OperationalError)
"""What the driver raises where the socket ends, in the midst of a message too."""
_DATA_CLASSES = ("22", "23")
"""SQLSTATEs whose details quote rows."""
_KEEPALIVE_S = 60


@dataclass(frozen=True, slots=True)
class Redshift:
    """The warehouse that the settings name."""

    settings: WarehouseSettings

    def connect(self) -> WarehouseSession:
        with _translated(self._where):
            connection = redshift_connector.connect(
                host=self.settings.warehouse_host,
                port=self.settings.warehouse_port,
                database=self.settings.warehouse_database,
                user=self.settings.warehouse_user,
                password=self.settings.warehouse_password,
                ssl=self.settings.warehouse_ssl,
                sslmode="verify-full",
                timeout=self.settings.warehouse_timeout_s,
                application_name="headrace",
                tcp_keepalive=True,
                tcp_keepalive_idle=_KEEPALIVE_S,
                tcp_keepalive_interval=_KEEPALIVE_S // 6,
                tcp_keepalive_count=6,
            )
        connection.autocommit = True
        return RedshiftSession(connection, self._where)

    @property
    def _where(self) -> str:
        return f"the warehouse at {self.settings.warehouse_host}:{self.settings.warehouse_port}"


@dataclass(slots=True)
class RedshiftSession:
    """A session of one connection."""

    _connection: Connection
    _where: str

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._executed(sql, parameters) as cursor:
            return [tuple(row) for row in cursor.fetchall()]

    def run(self, sql: str, *parameters: object) -> int:
        with self._executed(sql, parameters) as cursor:
            return max(int(cursor.rowcount), 0)

    def begin(self) -> None:
        self.run("BEGIN")

    def commit(self) -> None:
        self.run("COMMIT")

    def rollback(self) -> None:
        with suppress(HeadraceError):
            self.run("ROLLBACK")

    def close(self) -> None:
        with suppress(Error, OSError):
            self._connection.close()

    @contextmanager
    def _executed(self, sql: str, parameters: tuple[object, ...]) -> Iterator[Cursor]:
        try:
            with _translated(self._where), self._connection.cursor() as cursor:
                cursor.paramstyle = "format"
                cursor.execute(sql, parameters)
                yield cursor
        except WarehouseAwayError:
            self.close()
            raise


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """The driver's errors as ours: its own texts, without the traceback that would hold parameters."""
    try:
        yield
    except Error as error:
        raise (_answered(where, error.args[0]) if _is_answer(error) else _lost(where, error)) from None
    except _LOST as error:
        raise _lost(where, error) from None


def _is_answer(error: Error) -> bool:
    return bool(error.args) and isinstance(error.args[0], dict)


def _answered(where: str, answer: dict[str, str]) -> HeadraceError:
    """What the server said: fields of its error response by their letters."""
    sqlstate, message = answer.get("C", ""), answer.get("M", "")
    detail = "" if sqlstate.startswith(_DATA_CLASSES) else answer.get("D", "")
    said = ". ".join(text for text in (message, detail) if text)
    if sqlstate in _BUSY_STATES or message.startswith(_SERIALIZATION):
        return WarehouseBusyError(f"{where}: {said}")
    if sqlstate.startswith(_AWAY_CLASSES):
        return WarehouseAwayError(f"{where}: {said}")
    return WarehouseStatementError(said, sqlstate)


def _lost(where: str, error: Exception) -> HeadraceError:
    causes = (error, *error.args)
    if "Server refuses SSL" in error.args:
        return SettingsError(f"{where} speaks no TLS; only the local one is used without (--no-warehouse-ssl)")
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return SettingsError(f"{where} has no certificate that can be trusted for this name: check warehouse_host")
    if isinstance(error, Error) and not isinstance(error, _LOST):
        return WarehouseStatementError(f"{where}: the driver refused the statement: {type(error).__name__}")
    reason = next((cause for cause in causes if isinstance(cause, OSError)), error)
    return WarehouseAwayError(
        f"{where} cannot be reached, or the connection was lost: {reason or type(error).__name__}"
    )
