"""The table of calls: what each service calls, and what it must be allowed for that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

TABLE = Path(__file__).parents[3] / "deploy" / "modules" / "permissions" / "calls.json"
RECORDED = "recorded"
"""A row's source where the call was seen in a run of the real commands."""
OBSTORE = "obstore"
"""The same, of a library that does not go through botocore."""
HEARD = frozenset({RECORDED, OBSTORE})
"""By a run."""
CODE = "code"
"""Where the code can make it, though only after a fault that the run does not have."""


class Row(msgspec.Struct, frozen=True, order=True, kw_only=True, omit_defaults=True):
    service: str
    on: str
    """The kind of resource: a key of the module's `resources`."""
    call: str
    """Of AWS's API, such as `dynamodb:TransactWriteItems`."""
    actions: tuple[str, ...]
    """Of IAM."""
    source: str
    """`recorded`, `code`, or where it is written."""
    why: str = ""

    @property
    def made(self) -> tuple[str, str, str, tuple[str, ...]]:
        """Who calls what on which kind, and of a transaction for which of its items."""
        return self.service, self.call, self.on, self.actions


def read_table(path: Path = TABLE) -> list[Row]:
    return msgspec.json.decode(path.read_bytes(), type=list[Row])


def written(rows: Iterable[Row]) -> str:
    """One row a line, so that a change of the table is read as such."""
    lines = ",\n".join(f"  {msgspec.json.encode(row).decode()}" for row in sorted(rows))
    return f"[\n{lines}\n]\n"


def difference(before: Sequence[Row], now: Sequence[Row]) -> list[str]:
    """Sentences, one for each row that came or went."""
    gone, new = set(before) - set(now), set(now) - set(before)
    return [f"- {_said(row)}" for row in sorted(gone)] + [f"+ {_said(row)}" for row in sorted(new)]


def _said(row: Row) -> str:
    return f"{row.service}: {row.call} on {row.on} ({row.source}): {', '.join(row.actions)}"
