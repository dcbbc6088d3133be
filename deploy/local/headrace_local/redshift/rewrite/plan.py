"""What becomes of a statement."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_local.redshift.errors import RedshiftError


@dataclass(frozen=True, slots=True)
class Rewritten:
    """PostgreSQL runs `sql`; before it, in the same transaction, what `before` says."""

    sql: str
    before: tuple[str, ...] = ()
    commits: bool = False
    """It ends the transaction that it stands in."""
    physical: tuple[str, ...] = ()
    """Words of storage that PostgreSQL has nothing for: kept for the system views, and logged."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It fails with this error when it is run."""

    error: RedshiftError
