"""Rows as lines of text, aligned, whole: as wide as they are, whoever reads them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

NULL = "NULL"


def listed(names: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """The names, a rule, and a line for each row."""
    lines = [[_text(name) for name in names], *([_text(value) for value in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        yield "|".join(f" {text}{' ' * (width - cell_len(text))} " for text, width in zip(line, widths, strict=True))
        if number == 0:
            yield "+".join("-" * (width + 2) for width in widths)


def _text(value: object) -> str:
    """In one line, and nothing that would command a terminal."""
    said = NULL if value is None else str(value)
    return said if said.isprintable() else "".join(map(_shown, said))


def _shown(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()
