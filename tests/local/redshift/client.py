"""redshift_connector, as the local Redshift's users have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import redshift_connector
from redshift_connector.core import Connection
from redshift_connector.error import ProgrammingError


@dataclass(frozen=True)
class Client:
    connection: Connection

    @classmethod
    @contextmanager
    def connect(cls, port: int, **words: Any) -> Iterator[Client]:
        who: dict[str, Any] = {"user": "headrace", "password": "any", "database": "headrace", "ssl": False}
        connection = redshift_connector.connect(host="127.0.0.1", port=port, **(who | words))
        connection.autocommit = True
        try:
            yield cls(connection)
        finally:
            connection.close()

    def run(self, sql: str, *parameters: object) -> int:
        """Rows touched."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return int(cursor.rowcount)

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return [tuple(row) for row in cursor.fetchall()]

    def value(self, sql: str, *parameters: object) -> Any:
        [[value]] = self.rows(sql, *parameters)
        return value

    def refusal(self, sql: str, *parameters: object) -> dict[str, str]:
        """The fields of the error that the statement must fail with."""
        with pytest.raises(ProgrammingError) as caught:
            self.run(sql, *parameters)
        said: dict[str, str] = caught.value.args[0]
        return said
