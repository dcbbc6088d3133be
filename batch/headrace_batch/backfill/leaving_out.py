"""Events that are staged once more and must not come back: letters that were mended since, and people who were
forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace_batch.forget.forgotten import Mask, letters_of_forgotten, of_forgotten
from headrace_consumers.commitlog.model import Erasure
from headrace_consumers.stages.staged import StagedBatch

POSITION = ("shard_id", "sequence_number", "record_index")
POSITIONS = pa.schema([("shard_id", pa.string()), ("sequence_number", pa.string()), ("record_index", pa.int32())])


@dataclass(frozen=True, slots=True)
class LeftOut:
    redriven: pa.Table = field(default_factory=POSITIONS.empty_table)
    """Positions of events that a redrive brought: neither row nor letter of theirs is wanted."""
    erased: Sequence[Erasure] = ()


def without(left_out: LeftOut, staged: StagedBatch) -> StagedBatch:
    """The batch, these events taken out of its tables, letters and masks alike. Whole columns at once."""
    if left_out.redriven.num_rows:
        keys = _keys(left_out.redriven)
        staged = _kept(staged, {name: _at(table, left_out.redriven, keys) for name, table in _of(staged).items()})
    if left_out.erased:
        staged = _without_erased(staged, left_out.erased)
    return staged


_DEAD, _LATE = "dead letters", "late letters"
"""Beside the tables' own names, which have no spaces."""


def _of(staged: StagedBatch) -> Mapping[str, pa.Table]:
    return {**staged.tables, _DEAD: staged.dead_letters, _LATE: staged.late_letters}


def _kept(staged: StagedBatch, gone: Mapping[str, Mask]) -> StagedBatch:
    """`gone` says of each table which of its rows go; tables that it does not name stay."""
    kept = {name: table.filter(pa.array(~gone[name])) if name in gone else table for name, table in _of(staged).items()}
    late = {name: mask[~gone[name]] if name in gone else mask for name, mask in staged.late.items()}
    dead_letters, late_letters = kept.pop(_DEAD), kept.pop(_LATE)
    return replace(staged, tables=kept, late=late, dead_letters=dead_letters, late_letters=late_letters)


def _at(table: pa.Table, positions: pa.Table, keys: pa.Array) -> Mask:
    """Which rows stand at one of the positions. Few sequence numbers are concerned: only their rows are looked at."""
    numbers = table["sequence_number"].cast(pa.string())
    near = np.array(pc.is_in(numbers, value_set=positions["sequence_number"].combine_chunks()))
    found = np.flatnonzero(near)
    if len(found):
        near[found] = np.array(pc.is_in(_keys(table.select(POSITION).take(pa.array(found))), value_set=keys))
    return near


def _keys(rows: pa.Table) -> pa.Array:
    texts = [rows[name].cast(pa.string()).combine_chunks() for name in POSITION]
    return pc.binary_join_element_wise(*texts, "/")


def _without_erased(staged: StagedBatch, erased: Sequence[Erasure]) -> StagedBatch:
    masks = {name: of_forgotten(name, table, erased) for name, table in staged.tables.items()}
    gone = {name: mask for name, mask in masks.items() if mask.any()}
    dead = letters_of_forgotten(staged.dead_letters, erased)
    return _kept(staged, {**gone, **_late_of(staged, gone), _DEAD: dead})


def _late_of(staged: StagedBatch, gone: Mapping[str, Mask]) -> Mapping[str, Mask]:
    """The letters of those of the rows that came too late for windows."""
    lost = [staged.tables[name].select(POSITION).filter(pa.array(mask)) for name, mask in gone.items()]
    if not lost or not staged.late_letters.num_rows:
        return {}
    positions = pa.concat_tables([rows.cast(POSITIONS) for rows in lost])
    return {_LATE: _at(staged.late_letters, positions, _keys(positions))}
