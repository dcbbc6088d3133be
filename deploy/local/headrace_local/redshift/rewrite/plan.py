"""What becomes of a statement."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from headrace_local.redshift.copying.statement import CopyStatement
from headrace_local.redshift.errors import RedshiftError
from headrace_local.redshift.unloading.statement import UnloadStatement


@dataclass(frozen=True, slots=True)
class Rewritten:
    """PostgreSQL runs `sql`; before it, in the same transaction, what `before` says."""

    sql: str
    before: tuple[str, ...] = ()
    tag: str | None = None
    """What the client is told that was done, where it is not what PostgreSQL says."""
    commits: bool = False
    """It ends the transaction that it stands in."""
    logged: str = ""
    """What of it PostgreSQL has nothing for."""
    alone: str | None = None
    """What cannot run in a transaction block, as Redshift names it."""


@dataclass(frozen=True, slots=True)
class Loading:
    """A COPY, which the gateway runs itself."""

    statement: CopyStatement


@dataclass(frozen=True, slots=True)
class Unloading:
    """An UNLOAD, which the gateway runs itself; its query is PostgreSQL's already."""

    statement: UnloadStatement
    query: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It fails with this error when it is run."""

    error: RedshiftError


Plan = Rewritten | Loading | Unloading | Refused


@dataclass(frozen=True, slots=True)
class Physical:
    """What a statement says of a table's storage: kept for the system views, for PostgreSQL has nothing like it."""

    diststyle: str | None = None
    distkey: str | None = None
    sortkey: tuple[str, ...] | None = None
    interleaved: bool = False
    encodings: dict[str, str] = field(default_factory=dict)
    not_null: tuple[str, ...] = ()
    """Columns of a primary key."""
    like: str | None = None

    def __str__(self) -> str:
        """As Redshift writes it."""
        order = "INTERLEAVED SORTKEY" if self.interleaved else "SORTKEY"
        words = [
            f"DISTSTYLE {self.diststyle.upper()}" if self.diststyle else "",
            f"DISTKEY ({self.distkey})" if self.distkey else "",
            f"{order} ({', '.join(self.sortkey)})" if self.sortkey else "",
            *(f"{column} ENCODE {encoding}" for column, encoding in self.encodings.items()),
            f"PRIMARY KEY ({', '.join(self.not_null)}), not enforced" if self.not_null else "",
        ]
        return ", ".join(word for word in words if word)

    def before(self) -> str:
        """Told to the event trigger that watches tables being made and altered."""
        said = {
            "diststyle": self.diststyle,
            "distkey": self.distkey,
            "sortkey": self.sortkey,
            "interleaved": self.interleaved,
            "encodings": self.encodings,
            "not_null": self.not_null,
            "like": self.like,
        }
        return f"SELECT set_config('headrace.physical', {literal(json.dumps(said))}, true)"


def literal(value: str) -> str:
    """As an SQL string."""
    escaped = value.replace("'", "''")
    return f" E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in value else f"'{escaped}'"
