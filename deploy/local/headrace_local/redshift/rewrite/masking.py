"""SQL with its strings, quoted names and comments blanked out, so that patterns meet only what is really SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
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
NAME: Final = r"(?:\x02+|[A-Za-z_][\w$]*)"
"""A name in a mask, quoted or not."""
DOTTED: Final = rf"{NAME}(?:\s*\.\s*{NAME}){{0,2}}"


def mask(sql: str) -> str:
    """As long as `sql`, so that places in one are places in the other."""
    return _OPAQUE.sub(_blank, sql)


def _blank(found: re.Match[str]) -> str:
    kind = "dollar" if found.lastgroup == "tag" else found.lastgroup or "comment"
    return _FILL[kind] * (found.end() - found.start())


@dataclass(frozen=True)
class Sql:
    """A piece of SQL beside its mask."""

    text: str

    @cached_property
    def masked(self) -> str:
        return mask(self.text)

    def search(self, pattern: str, start: int = 0) -> re.Match[str] | None:
        return re.compile(pattern, re.IGNORECASE).search(self.masked, start)

    def match(self, pattern: str) -> re.Match[str] | None:
        """At the first word; comments before it count for nothing."""
        return re.match(r"\s*" + pattern, self.masked, re.IGNORECASE)

    def of(self, found: re.Match[str], group: int | str = 0) -> str:
        """The text where the mask matched."""
        return self.text[found.start(group) : found.end(group)]

    def sub(self, pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> Sql:
        """Replaces each match; a replacement's text may use the mask's groups where they hold no string."""
        parts, at = [], 0
        for found in re.finditer(pattern, self.masked, re.IGNORECASE):
            parts += [self.text[at : found.start()], _replaced(found, replacement)]
            at = found.end()
        return Sql("".join([*parts, self.text[at:]])) if at or parts else self

    def replace(self, start: int, end: int, text: str) -> Sql:
        return Sql(self.text[:start] + text + self.text[end:])

    def cut(self, start: int, end: int | None = None) -> Sql:
        return Sql(self.text[start:end])

    def closing(self, opening: int) -> int:
        """The place of the parenthesis that closes the one at `opening`. Raises RedshiftError."""
        depth = 0
        for found in re.compile(r"[()]").finditer(self.masked, opening):
            depth += 1 if found[0] == "(" else -1
            if depth == 0:
                return found.start()
        raise RedshiftError("syntax error: a parenthesis is not closed", SYNTAX_ERROR)

    def items(self) -> list[Sql]:
        """What stands between the commas outside of parentheses."""
        return [Sql(self.text[start:end].strip()) for start, end in _between(self.masked, ",")]


def _replaced(found: re.Match[str], replacement: str | Callable[[re.Match[str]], str]) -> str:
    return found.expand(replacement) if isinstance(replacement, str) else replacement(found)


def split_statements(sql: str) -> list[str]:
    """At the semicolons; what is only blank or comment is left out."""
    masked = mask(sql)
    return [sql[start:end] for start, end in _between(masked, ";") if masked[start:end].strip()]


def _between(masked: str, separator: str) -> Iterator[tuple[int, int]]:
    depth = start = 0
    for found in re.finditer(rf"[()\[\]{separator}]", masked):
        if found[0] in "([":
            depth += 1
        elif found[0] in ")]":
            depth -= 1
        elif depth == 0:
            yield start, found.start()
            start = found.end()
    yield start, len(masked)


def unquote(name: str) -> str:
    """A name as the catalog has it: in lower case where it is not quoted."""
    name = name.strip()
    if name.startswith('"'):
        return name[1:-1].replace('""', '"')
    return name.lower()
