"""Calls whose syntax PostgreSQL does not know, as expressions that it does. All others are functions in the backend."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from headrace_local.redshift.errors import SYNTAX_ERROR, NotImitatedError, RedshiftError
from headrace_local.redshift.rewrite.masking import Sql

_CALL: Final = r"\b(?P<function>{names})\s*\("
_WITHIN: Final = r"\s*WITHIN\s+GROUP\s*\("
_OVER: Final = r"\s*OVER\s*\("


def rewrite_calls(sql: Sql) -> Sql:
    """From the last to the first, so that what stands within another's arguments is done before it."""
    at = len(sql.text)
    while (found := _last(sql, at)) is not None:
        name, opening, at = found
        end = sql.closing(opening)
        text, end = _CALLS[name](sql, sql.cut(opening + 1, end), end + 1)
        sql = sql.replace(at, end, text)
    return sql


def _last(sql: Sql, before: int) -> tuple[str, int, int] | None:
    """Name, opening parenthesis and place."""
    calls = list(re.finditer(_PATTERN, sql.masked[:before], re.IGNORECASE))
    return (calls[-1]["function"].lower(), calls[-1].end() - 1, calls[-1].start()) if calls else None


def _nvl2(_sql: Sql, arguments: Sql, end: int) -> tuple[str, int]:
    value, then, otherwise = _exactly(arguments, 3, "NVL2")
    return f"(CASE WHEN {value} IS NOT NULL THEN {then} ELSE {otherwise} END)", end


def _decode(_sql: Sql, arguments: Sql, end: int) -> tuple[str, int]:
    """Of three arguments or more; NULL equals NULL in it. Of two it is PostgreSQL's own, of bytes."""
    value, *rest = [item.text for item in arguments.items()]
    if len(rest) < 2:  # noqa: PLR2004 -- a search and a result
        return f"pg_catalog.decode ({arguments.text})", end
    default = rest.pop() if len(rest) % 2 else "NULL"
    pairs = zip(rest[::2], rest[1::2], strict=True)
    cases = " ".join(f"WHEN {value} IS NOT DISTINCT FROM {searched} THEN {result}" for searched, result in pairs)
    return f"(CASE {cases} ELSE {default} END)", end


def _convert(_sql: Sql, arguments: Sql, end: int) -> tuple[str, int]:
    type_name, value = _exactly(arguments, 2, "CONVERT")
    return f"CAST({value} AS {type_name})", end


def _json_serialize(_sql: Sql, arguments: Sql, end: int) -> tuple[str, int]:
    """PostgreSQL has a function of this name with a syntax of its own."""
    return f"({_exactly(arguments, 1, 'JSON_SERIALIZE')[0]})::varchar", end


def _median(sql: Sql, arguments: Sql, end: int) -> tuple[str, int]:
    if _follows(sql, _OVER, end):
        raise NotImitatedError("MEDIAN as a window function is not imitated locally")
    return f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {arguments.text})", end


def _listagg(sql: Sql, arguments: Sql, end: int) -> tuple[str, int]:
    distinct = arguments.match(r"DISTINCT\b")
    body = arguments.cut(distinct.end()) if distinct else arguments
    value, *separator = [item.text for item in body.items()]
    order = ""
    if (within := _follows(sql, _WITHIN, end)) is not None:
        closed = sql.closing(within)
        order, end = " " + sql.text[within + 1 : closed].strip(), closed + 1
    if order and _follows(sql, _OVER, end):
        raise NotImitatedError("LISTAGG with an order as a window function is not imitated locally")
    if distinct and order:
        # PostgreSQL wants the very expression that is aggregated.
        order = " ORDER BY " + order.upper().split("ORDER BY", 1)[1].replace(value.upper(), f"({value})::varchar")
    text = (
        f"string_agg({'DISTINCT ' if distinct else ''}({value})::varchar, {separator[0] if separator else chr(39) * 2}"
    )
    return f"{text}{order})", end


def _ratio_to_report(sql: Sql, arguments: Sql, end: int) -> tuple[str, int]:
    window = _follows(sql, _OVER, end)
    if window is None:
        raise RedshiftError("RATIO_TO_REPORT needs OVER", SYNTAX_ERROR)
    closed = sql.closing(window) + 1
    total = f"sum({arguments.text}) OVER {sql.text[window:closed]}"
    return f"(({arguments.text})::float8 / nullif({total}, 0))", closed


def _part_first(name: str) -> Callable[[Sql, Sql, int], tuple[str, int]]:
    """A date's part is a bare word in Redshift."""

    def quote(_sql: Sql, arguments: Sql, end: int) -> tuple[str, int]:
        part, *rest = [item.text for item in arguments.items()]
        word = part if part.startswith("'") else f"'{part}'"
        return f"pg_catalog.{name} ({', '.join([word, *rest])})", end

    return quote


def _follows(sql: Sql, pattern: str, at: int) -> int | None:
    """The parenthesis at the end of what stands next, where it does."""
    found = re.compile(pattern, re.IGNORECASE).match(sql.masked, at)
    return found.end() - 1 if found else None


def _exactly(arguments: Sql, count: int, name: str) -> list[str]:
    items = [item.text for item in arguments.items()]
    if len(items) != count:
        raise RedshiftError(f"{name} takes {count} arguments", SYNTAX_ERROR)
    return items


_CALLS: Final[dict[str, Callable[[Sql, Sql, int], tuple[str, int]]]] = {
    "nvl2": _nvl2,
    "decode": _decode,
    "convert": _convert,
    "json_serialize": _json_serialize,
    "median": _median,
    "listagg": _listagg,
    "ratio_to_report": _ratio_to_report,
    **{name: _part_first(name) for name in ("dateadd", "datediff", "date_part")},
    "date_add": _part_first("dateadd"),
    "date_diff": _part_first("datediff"),
}
_PATTERN: Final = _CALL.format(names="|".join(sorted(_CALLS, key=len, reverse=True)))
