"""Approximate counts of different values: Apache DataSketches' CPC sketches.

Every sketch, even of one batch, comes out of a union: only then do its bytes, and its estimate, depend on the set of
values alone. `update` takes no arrays, so it is fed each different value of a group once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
from datasketches import cpc_sketch, cpc_union

from headrace_producers.contracts import ColumnType

_LG_K = 12
_EMPTY_TEXT = -1
"""What stands for the empty text, which `update` skips: eight bytes that are no text."""


def countable(kind: ColumnType, values: pa.Array) -> pa.Array:
    """The column as the texts, floats and integers that a sketch takes."""
    if kind is ColumnType.DECIMAL:
        return values.cast(pa.string())
    if kind is ColumnType.DATE:
        return values.cast(pa.int32()).cast(pa.int64())
    return values.cast(pa.int64()) if kind in (ColumnType.BOOLEAN, ColumnType.TIMESTAMP) else values


def sketched(values: pa.ListArray) -> pa.Array:
    """One sketch per list; null where there is none."""
    return pa.array((_united([_sketch(found)]) if found else None for found in values.to_pylist()), pa.binary())


def united(sketches: pa.ListArray) -> pa.Array:
    """One sketch per list of sketches."""
    return pa.array(map(_one, sketches.to_pylist()), pa.binary())


def estimates(sketches: pa.Array) -> pa.Array:
    """About how many different values each has seen."""
    found = (0.0 if held is None else _read(held).get_estimate() for held in sketches.to_pylist())
    return pa.array(found, pa.float64())


def _one(held: Sequence[bytes] | None) -> bytes | None:
    if not held:
        return None
    return held[0] if len(held) == 1 else _united(map(_read, held))


def _sketch(values: Iterable[str | float]) -> cpc_sketch:
    sketch = cpc_sketch(_LG_K)
    for value in values:
        sketch.update(_EMPTY_TEXT if value == "" else value)
    return sketch


def _united(sketches: Iterable[cpc_sketch]) -> bytes:
    union = cpc_union(_LG_K)
    for sketch in sketches:
        union.update(sketch)
    return bytes(union.get_result().serialize())


def _read(held: bytes) -> cpc_sketch:
    return cpc_sketch.deserialize(held)
