"""SQL with its strings, quoted names and comments blanked out, so that patterns meet only what is really SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from headrace_local.redshift.errors import SYNTAX_ERROR, RedshiftError

_OPAQUE: Final = re.compile(
    r"""
      (?P<string>[eE]?'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    """,
    re.VERBOSE | re.DOTALL,
)
_FILL: Final = {"string": "\x01", "dollar": "\x01", "name": "\x02", "comment": " "}
STRING: Final = "\x01+"
"""What a string looks like in a mask, as a pattern."""
NAME: Final = r"(?:\x02+|[A-Za-z_#][\w$#]*)"
"""A name, quoted or not."""
DOTTED: Final = rf"{NAME}(?:\s*\.\s*{NAME}){{0,2}}"


def mask(sql: str) -> str:
    """As long as `sql`, so that places in one are places in the other."""
    return _OPAQUE.sub(_blank, sql)


def _blank(found: re.Match[str]) -> str:
    kind = "dollar" if found.lastgroup == "tag" else found.lastgroup or "comment"
    return _FILL[kind] * (found.end() - found.start())


def split_statements(sql: str) -> list[str]:
    """At the semicolons; what is only blank or comment is left out."""
    masked = mask(sql)
    parts = []
    start = 0
    for end in [*(found.start() for found in re.finditer(";", masked)), len(sql)]:
        if masked[start:end].strip():
            parts.append(sql[start:end])
        start = end + 1
    return parts


def closing(masked: str, opening: int) -> int:
    """The place of the parenthesis that closes the one at `opening`. Raises RedshiftError."""
    depth = 0
    for at in range(opening, len(masked)):
        depth += {"(": 1, ")": -1}.get(masked[at], 0)
        if depth == 0:
            return at
    raise RedshiftError("syntax error: a parenthesis is not closed", SYNTAX_ERROR)


def split_list(sql: str, masked: str) -> list[str]:
    """The items between the commas that stand outside of parentheses."""
    return [sql[start:end] for start, end in _items(masked)]


def _items(masked: str) -> Iterator[tuple[int, int]]:
    depth = start = 0
    for at, letter in enumerate(masked):
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == "," and depth == 0:
            yield start, at
            start = at + 1
    yield start, len(masked)
