"""The whole table: recorded calls, those of the code that only faults make, documented ones, and what follows."""

from __future__ import annotations

from collections.abc import Iterable

from tests.deploy.calls.derived import derived_rows
from tests.deploy.calls.documented import documented_rows
from tests.deploy.calls.rare import rare_rows
from tests.deploy.calls.rows import Row


def make_table(recorded: Iterable[Row]) -> list[Row]:
    """Each call once: what was heard needs no other source."""
    found: dict[object, Row] = {}
    for row in (*rare_rows(), *recorded, *documented_rows()):
        found.setdefault(row.made, row)
    for row in derived_rows(found.values()):
        found.setdefault(row.made, row)
    return sorted(found.values())
