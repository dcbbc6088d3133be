"""Windows as spans of time: keys, start_us and end_us. Pure.

A span is a window that somebody may see: a pane of a tumbling window, the sum of panes of a hopping one, a session
(whose end is its last event).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace_consumers.stages import partition_values
from headrace_consumers.windows import Session, Window

Times = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def times(table: pa.Table, column: str) -> Times:
    found: Times = table.column(column).to_numpy()
    return found


def size_us(window: Window) -> int:
    """From the start of a window to its end; of a session, from its last event to its end."""
    return window.gap_us if isinstance(window, Session) else window.panes * window.pane_us


def closes_us(window: Window, spans: pa.Table) -> Times:
    """When no event may come any more."""
    ends = times(spans, "end_us")
    return ends + window.gap_us if isinstance(window, Session) else ends


def last_close_us(window: Window, panes: pa.Table) -> Times:
    """When the last window that a pane is part of closes."""
    return closes_us(window, panes) if isinstance(window, Session) else times(panes, "start_us") + size_us(window)


def spans_of(window: Window, panes: pa.Table) -> pa.Table:
    """The windows that the panes are part of, each once."""
    names = [*window.by, "start_us", "end_us"]
    spans = panes.select(names)
    if isinstance(window, Session) or window.panes == 1:
        return spans
    back = np.tile(np.arange(window.panes) * window.pane_us, len(panes))
    repeated = spans.take(pa.array(np.repeat(np.arange(len(panes)), window.panes)))
    starts = times(repeated, "start_us") - back
    hopped = repeated.select(window.by)
    for name, values in (("start_us", starts), ("end_us", starts + size_us(window))):
        hopped = hopped.append_column(spans.schema.field(name), pa.array(values))
    return hopped.group_by(names, use_threads=False).aggregate([]).select(names).cast(spans.schema)


@dataclass(frozen=True, slots=True)
class Partitions:
    """The Hive value of each row's start: a code per row, a name per code."""

    codes: Times
    names: list[str]

    @classmethod
    def of(cls, window: Window, spans: pa.Table) -> Partitions:
        if not len(spans):
            return cls(np.zeros(0, np.int64), [])
        values = partition_values(spans.column("start_us"), window.partition_by)
        return cls(values.indices.to_numpy().astype(np.int64), values.dictionary.to_pylist())

    def are_in(self, chosen: Collection[str]) -> Mask:
        """Which rows are in one of the partitions."""
        found: Mask = np.array([name in chosen for name in self.names], np.bool_)[self.codes]
        return found

    def column(self) -> pa.Array:
        names = pa.array(self.names, pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(self.codes), names).cast(pa.string())
