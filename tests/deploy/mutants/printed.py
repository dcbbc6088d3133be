"""The table of mutants, as the end of a test run prints it."""

from __future__ import annotations

from collections.abc import Iterable

WIDTH = 170
HEADING = ("mutant", "found by", "what it said")


def table(found: Iterable[tuple[str, str, str]]) -> list[str]:
    """One line for each, in the order of their names; nothing where none was tried."""
    rows = sorted(found)
    if not rows:
        return []
    first, second = (max(len(row[column]) for row in [HEADING, *rows]) for column in (0, 1))
    lines = [f"{name:{first}}  {check:{second}}  {' '.join(said.split())}" for name, check, said in [HEADING, *rows]]
    return ["", f"{len(rows)} mutants of deploy/, each found:", *(line[:WIDTH] for line in lines)]
