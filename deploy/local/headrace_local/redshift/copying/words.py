"""A statement as words: enough of SQL's lexis to read COPY and UNLOAD, whose grammar is a list of options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headrace_local.redshift.errors import SYNTAX_ERROR, RedshiftError

Kind = Literal["word", "name", "text", "mark"]

_TOKEN = re.compile(
    r"""
    (?P<blank>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>'(?:[^'\\]|''|\\.)*')
    |(?P<name>"(?:[^"]|"")*")
    |(?P<word>[\w$]+(?:\.\d+)?|\$\d+)
    |(?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"''|\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it was written, or what stands inside quotes."""

    kind: Kind
    value: str

    @property
    def keyword(self) -> str:
        return self.value.upper() if self.kind == "word" else ""


class Words:
    """Reads tokens one after the other; what does not fit is a syntax error that names the place."""

    def __init__(self, sql: str) -> None:
        self._tokens = list(_tokens(sql))
        self._next = 0

    def __bool__(self) -> bool:
        """Whether there is more than a closing semicolon."""
        return any(token != Token("mark", ";") for token in self._tokens[self._next :])

    def peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise RedshiftError("syntax error at end of input", SYNTAX_ERROR)
        self._next += 1
        return token

    def skip(self, *keywords: str) -> bool:
        """Passes over the keywords if all of them come next."""
        coming = self._tokens[self._next : self._next + len(keywords)]
        if [token.keyword for token in coming] != list(keywords):
            return False
        self._next += len(keywords)
        return True

    def skip_mark(self, mark: str) -> bool:
        if not self.peek_mark(mark):
            return False
        self._next += 1
        return True

    def peek_mark(self, mark: str) -> bool:
        return self.peek() == Token("mark", mark)

    def peek_text(self) -> bool:
        token = self.peek()
        return token is not None and token.kind == "text"

    def expect_mark(self, mark: str) -> None:
        if not self.skip_mark(mark):
            raise self.unexpected()

    def expect(self, keyword: str) -> None:
        if not self.skip(keyword):
            raise self.unexpected()

    def text(self) -> str:
        """A quoted text, after an optional AS."""
        self.skip("AS")
        if not self.peek_text():
            raise self.unexpected()
        return self.take().value

    def number(self) -> int:
        """A whole number, quoted or not, after an optional AS."""
        self.skip("AS")
        token = self.peek()
        if token is None or not token.value.isdecimal():
            raise self.unexpected()
        return int(self.take().value)

    def identifier(self) -> str:
        """A name, in lower case also when quoted: as Redshift reads names unless told otherwise."""
        token = self.peek()
        if token is None or token.kind not in ("word", "name"):
            raise self.unexpected()
        return self.take().value.lower()

    def identifiers(self) -> tuple[str, ...]:
        """Names between parentheses."""
        self.expect_mark("(")
        names = [self.identifier()]
        while self.skip_mark(","):
            names.append(self.identifier())
        self.expect_mark(")")
        return tuple(names)

    def unexpected(self) -> RedshiftError:
        token = self.peek()
        place = "end of input" if token is None else f'or near "{_shown(token)}"'
        return RedshiftError(f"syntax error at {place}", SYNTAX_ERROR)


def _tokens(sql: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(sql):
        written = match.group()
        if match.lastgroup == "text":
            yield Token("text", _ESCAPED.sub(_unescaped, written[1:-1]))
        elif match.lastgroup == "name":
            yield Token("name", written[1:-1].replace('""', '"'))
        elif match.lastgroup == "word":
            yield Token("word", written)
        elif match.lastgroup == "mark":
            yield Token("mark", written)


def _unescaped(escaped: re.Match[str]) -> str:
    """Quotes only: what other backslashes mean is for the option to say."""
    return "'" if escaped.group().endswith("'") else escaped.group()


def _shown(token: Token) -> str:
    """Quoted texts may be credentials."""
    return "'...'" if token.kind == "text" else token.value
