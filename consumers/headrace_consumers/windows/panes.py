"""Which pieces belong together: those of the same keys and pane, or session."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace_consumers.windows.declare import Session, Window

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


def numbered(window: Window, pieces: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The pieces with the number of their pane or session (`pane`), and the keys of each number.

    Numbers count from 0 in the order of keys and start. Pieces that lack a key belong to no window.
    """
    for name in window.by:
        if pieces.column(name).null_count:
            pieces = pieces.filter(pc.is_valid(pieces.column(name)))
    keys = [_ranks(pieces.column(name).combine_chunks()) for name in window.by]
    starts, ends = (pieces.column(name).to_numpy() for name in ("start_us", "end_us"))
    order = np.lexsort((starts, *reversed(keys)))
    opens = _opens(window, _changes(keys, order), starts[order], ends[order])
    panes = np.empty(len(order), np.int64)
    panes[order] = np.cumsum(opens) - 1
    return pieces.append_column("pane", pa.array(panes)), pieces.select(window.by).take(pa.array(order[opens]))


def _opens(window: Window, is_first: Booleans, starts: Integers, ends: Integers) -> Booleans:
    """Where a pane begins, or a session: no earlier piece of its keys reaches to within the gap."""
    if isinstance(window, Session):
        is_first[1:] |= starts[1:] - _reached(is_first, ends)[:-1] > window.gap_us
    else:
        is_first[1:] |= np.diff(starts) != 0
    return is_first


def _changes(keys: list[Integers], order: Integers) -> Booleans:
    """Where the keys are not those of the piece before."""
    changes = np.ones(len(order), bool)
    changes[1:] = False
    for key in keys:
        changes[1:] |= np.diff(key[order]) != 0
    return changes


def _reached(is_first: Booleans, ends: Integers) -> Integers:
    """The latest end so far among the pieces of the same keys: ranks of ends, lifted above all of the keys before."""
    by_end = np.argsort(ends)
    ranks = np.empty_like(by_end)
    ranks[by_end] = np.arange(len(ends))
    lift = np.cumsum(is_first) * len(ends)
    reached: Integers = ends[by_end[np.maximum.accumulate(ranks + lift) - lift]]
    return reached


def _ranks(values: pa.Array) -> Integers:
    """Integers in the order of the values, equal where these are equal."""
    coded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    order = pc.array_sort_indices(coded.dictionary).to_numpy()
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    found: Integers = ranks[coded.indices.to_numpy()]
    return found
