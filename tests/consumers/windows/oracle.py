"""What windows must hold, row by row, in exact fractions; nothing is shared with what is tested."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from headrace_consumers.windows import Aggregate, Session, Window
from headrace_producers.contracts import column, contract, contract_of
from headrace_producers.contracts.arrow import arrow_schema

Row = Mapping[str, Any]
Key = tuple[Any, ...]

MAX_LEVEL = 10**14 - 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDE = Context(prec=60)
_TOLERANCES = {"quantile": 0.01 + 1e-12, "distinct": 0.02}


@contract(name="windows.sensed", version=1, partition_key="place", event_time="at")
class Sensed(msgspec.Struct, frozen=True, kw_only=True):
    """One column of each kind that windows aggregate."""

    at: datetime
    place: str
    zone: int | None = None
    word: str | None = None
    level: Annotated[int, column("As great as can be squared", ge=-MAX_LEVEL, le=MAX_LEVEL)] | None = None
    any_int: int | None = None
    ratio: Annotated[float, column("Of any digits", ge=-1000, le=1000)] | None = None
    price: Annotated[Decimal, column("Two digits", precision=12, scale=2)] | None = None


SENSED = contract_of(Sensed)
SCALES = {"ratio": 2, "price": 2}


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows as the stages hand them over."""
    schema = arrow_schema(SENSED).remove_metadata()
    table = pa.Table.from_pylist(list(rows), schema=schema)
    return table.append_column("event_time", table.column("at"))


def expected(window: Window, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The finished rows, sorted by keys and start; a float for what is approximate, exact values for all else."""
    placed: dict[tuple[Key, datetime, datetime], list[Row]] = defaultdict(list)
    for key, group in _by_key(window, rows).items():
        for start, end, members in _cut(window, group):
            placed[key, start, end] += members
    found = []
    for (key, start, end), members in sorted(placed.items(), key=lambda item: item[0]):
        head = dict(zip(window.by, key, strict=True)) | {"window_start": start, "window_end": end}
        values = {name: _value(one, members) for name, one in window.aggregates.items()}
        found.append(head | {"events": len(members)} | values)
    return found


def check(window: Window, found: Sequence[Row], rows: Sequence[Row]) -> None:
    """The windows found are those of `rows`: integers exactly, floats within 1e-9, quantiles within 1%."""
    right = expected(window, rows)
    assert [row["window_start"] for row in found] == [row["window_start"] for row in right]
    for ours, theirs in zip(found, right, strict=True):
        wrong = {name: (ours[name], theirs[name]) for name in theirs if not _is_close(window, name, ours, theirs)}
        assert not wrong, (window.name, ours["window_start"], wrong)


def _is_close(window: Window, name: str, ours: Row, theirs: Row) -> bool:
    found, right = ours[name], theirs[name]
    if not isinstance(right, float) or found is None:
        return bool(found == right)
    return abs(float(found) - right) <= _TOLERANCES.get(window.aggregates[name].kind, 1e-9) * abs(right)


def _by_key(window: Window, rows: Sequence[Row]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        key = tuple(row[name] for name in window.by)
        if None not in key:
            groups[key].append(row)
    return groups


def _cut(window: Window, rows: list[Row]) -> Iterator[tuple[datetime, datetime, list[Row]]]:
    if isinstance(window, Session):
        yield from _sessions(timedelta(seconds=window.gap_s), rows)
        return
    size, hop = timedelta(seconds=window.size_s), timedelta(microseconds=window.pane_us)
    for row in rows:
        start = EPOCH + (row["at"] - EPOCH) // hop * hop
        while start + size > row["at"]:
            yield start, start + size, [row]
            start -= hop


def _sessions(gap: timedelta, rows: list[Row]) -> Iterator[tuple[datetime, datetime, list[Row]]]:
    ordered = sorted(rows, key=lambda row: row["at"])
    session = [ordered[0]]
    for row in ordered[1:]:
        if row["at"] - session[-1]["at"] > gap:
            yield session[0]["at"], session[-1]["at"], session
            session = []
        session.append(row)
    yield session[0]["at"], session[-1]["at"], session


def _value(aggregate: Aggregate, rows: list[Row]) -> Any:
    if aggregate.column is None:
        return len(rows)
    raw = [row[aggregate.column] for row in rows if row[aggregate.column] is not None]
    if aggregate.kind == "distinct":
        return float(len(set(raw)))
    values = sorted(_rounded(aggregate.column, value) for value in raw)
    if not values or (aggregate.kind == "variance" and len(values) == 1):
        return None
    exact = _of_values(aggregate, values)
    if aggregate.kind in ("total", "minimum", "maximum") and aggregate.column != "ratio":
        return _in_own_type(aggregate, exact)
    return float(exact)


def _of_values(aggregate: Aggregate, values: list[Fraction]) -> Fraction:
    mean = sum(values, Fraction()) / len(values)
    match aggregate.kind:
        case "total":
            return sum(values, Fraction())
        case "minimum":
            return values[0]
        case "maximum":
            return values[-1]
        case "mean":
            return mean
        case "variance":
            return sum(((value - mean) ** 2 for value in values), Fraction()) / (len(values) - 1)
        case _:
            return values[math.floor((aggregate.q or 0) * (len(values) - 1))]


def _rounded(name: str, value: Any) -> Fraction:
    if not isinstance(value, float):
        return Fraction(value)
    unit = Decimal(1).scaleb(-SCALES[name])
    return Fraction(Decimal(repr(value)).quantize(unit, ROUND_HALF_EVEN, _WIDE))


def _in_own_type(aggregate: Aggregate, value: Fraction) -> Any:
    """Totals of integers without narrow bounds are decimals."""
    if aggregate.column == "price":
        return Decimal(int(value * 100)).scaleb(-2, _WIDE)
    return Decimal(int(value)) if aggregate.kind == "total" else int(value)
