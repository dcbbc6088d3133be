"""What `headrace-local sql` prints of rows."""

from __future__ import annotations

from headrace_sql.listing import listed


def lines(names: list[str], *rows: tuple[object, ...]) -> list[str]:
    return list(listed(names, rows))


def test_rows_are_aligned_under_their_names() -> None:
    """By the cells that a terminal gives to a character."""
    assert lines(["carrier", "n"], ("UA", 1), ("漢", 200)) == [
        " carrier | n   ",
        "---------+-----",
        " UA      | 1   ",
        " 漢      | 200 ",
    ]


def test_a_text_is_shown_as_it_is() -> None:
    """What looks like markup is text, and what would move a cursor is named."""
    assert lines(["[a]"], ("[red]x[/red] [/foo]",), ("one\ntwo\t\x1b[2J",))[2:] == [
        " [red]x[/red] [/foo] ",
        r" one\ntwo\t\x1b[2J   ",
    ]


def test_null_is_not_an_empty_text() -> None:
    assert lines(["a", "b"], (None, ""))[2] == " NULL |   "


def test_no_column_is_cut() -> None:
    """However many there are, and however wide."""
    names = [f"column_{number}" for number in range(60)]
    _, _, row = lines(names, tuple("x" * 300 for _ in names))
    assert row.count("x" * 300) == len(names)


def test_a_result_without_rows_has_its_names() -> None:
    assert lines(["a"]) == [" a ", "---"]
