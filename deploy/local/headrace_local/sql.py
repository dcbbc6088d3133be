"""Queries by hand against the local Redshift, through Redshift's own driver."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import redshift_connector
from redshift_connector.core import Connection
from redshift_connector.error import Error

from headrace_local.errors import LocalError
from headrace_local.warehouse import warehouse_settings
from headrace_sql.listing import listed

_PROMPT = "headrace=> "
_MORE = "headrace-> "
_QUIT = {r"\q", "exit", "quit"}


@dataclass(frozen=True, slots=True)
class SqlPrompt:
    """Each statement is a transaction of its own."""

    connection: Connection
    out: TextIO

    def show(self, query: str) -> int:
        """Prints rows, or what was done; 1 and one line on stderr where it failed."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(query)
                self._print(cursor)
                self.out.flush()
        except Error as error:
            print(f"error: {_sentence(error)}", file=sys.stderr)  # noqa: T201 -- what a prompt is for
            return 1
        except BrokenPipeError:  # `| head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())
        return 0

    def prompt(self) -> int:
        """Until `\\q` or the end of what is typed."""
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 -- input() edits lines with it
        while (query := _read_statement()) is not None:
            if query:
                self.show(query)
        return 0

    def _print(self, cursor: Any) -> None:
        if not cursor.description:
            print("done" if cursor.rowcount < 0 else f"{cursor.rowcount} rows", file=self.out)
            return
        rows = cursor.fetchall()
        for line in listed([str(column[0]) for column in cursor.description], rows):
            print(line, file=self.out)
        print(f"{len(rows)} row{'' if len(rows) == 1 else 's'}", file=self.out)


@contextmanager
def connected(url: str) -> Iterator[SqlPrompt]:
    """Raises LocalError where it does not answer."""
    place: dict[str, Any] = {name.removeprefix("warehouse_"): value for name, value in warehouse_settings(url).items()}
    try:
        connection = redshift_connector.connect(**{**place, "ssl": False}, application_name="headrace-local")
    except (Error, OSError) as error:
        raise LocalError(f"the local Redshift at {url} does not answer: {_sentence(error)}") from error
    connection.autocommit = True
    try:
        yield SqlPrompt(connection, sys.stdout)
    finally:
        connection.close()


def _read_statement() -> str | None:
    """Lines up to one that ends with a semicolon; None at the end."""
    lines: list[str] = []
    while True:
        try:
            line = input(_MORE if lines else _PROMPT).strip()
        except EOFError:
            return None
        if not lines and line in _QUIT:
            return None
        lines.append(line)
        if line.endswith(";") or not line:
            return "\n".join(lines).strip().rstrip(";")


def _sentence(error: BaseException) -> str:
    """PostgreSQL's message out of the driver's dictionary, in one line."""
    said = error.args[0] if error.args else error
    sentence = f"{said.get('M')}{' ' + said['D'] if 'D' in said else ''}" if isinstance(said, dict) else str(said)
    return " ".join(sentence.split())
