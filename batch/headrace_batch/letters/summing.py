"""How many letters there are of each fault."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
import pyarrow as pa

FAULT = ("stage", "reason", "field", "rule", "event_type")
LATE = ("event_type",)


class LetterGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Letters of one fault. Of late events only the type is known, for nothing is wrong with them."""

    letters: int
    first_arrival: datetime
    last_arrival: datetime
    stage: str | None = None
    reason: str | None = None
    field: str | None = None
    rule: str | None = None
    event_type: str | None = None


def sum_up(tables: Iterable[pa.Table], keys: tuple[str, ...]) -> list[LetterGroup]:
    """The greatest group first. Holds one table at a time."""
    known: pa.Table | None = None
    for table in tables:
        counted = _counted(table, keys)
        known = _grouped(counted if known is None else pa.concat_tables([known, counted]), keys)
    groups = [] if known is None else known.to_pylist()
    made = [_group(one, keys) for one in groups]
    return sorted(made, key=lambda group: (-group.letters, group.first_arrival))


def _counted(table: pa.Table, keys: tuple[str, ...]) -> pa.Table:
    """One letter a row, as `_grouped` gives many."""
    arrived, one = table["arrival_time"], pa.repeat(pa.scalar(1), len(table))
    return pa.table({name: table[name] for name in keys} | {"letters": one, "first": arrived, "last": arrived})


def _grouped(table: pa.Table, keys: tuple[str, ...]) -> pa.Table:
    found = table.group_by(keys).aggregate([("letters", "sum"), ("first", "min"), ("last", "max")])
    named = [found[name] for name in (*keys, "letters_sum", "first_min", "last_max")]
    return pa.Table.from_arrays(named, names=[*keys, "letters", "first", "last"])


def _group(row: dict[str, object], keys: tuple[str, ...]) -> LetterGroup:
    said = {"letters": row["letters"], "first_arrival": row["first"], "last_arrival": row["last"]}
    return msgspec.convert(said | {key: row[key] for key in keys}, LetterGroup)
