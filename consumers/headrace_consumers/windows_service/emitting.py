"""Which windows are due, and the rows that readers get of them.

A window is due when the low watermark has passed its close; one that is out and met by a later event is due again at
once. A session that is due takes back all that it has swallowed and that is out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import replace

from headrace_consumers.windows import Session, Window
from headrace_consumers.windows.finishing import finished
from headrace_consumers.windows.layout import finished_schema
from headrace_consumers.windows_service.manifest import WindowCounts
from headrace_consumers.windows_service.pairs import Indices, pairs
from headrace_consumers.windows_service.spans import Mask, Partitions, closes_us, last_close_us, spans_of, times
from headrace_consumers.windows_service.state import WindowState
from headrace_producers.contracts import Contract

Revisions = npt.NDArray[np.int32]
_SAME = "l.start_us = r.start_us"


@dataclass(frozen=True, slots=True)
class Emission:
    """Rows of one window, in `curated_schema` but for the commit."""

    window: str
    rows: pa.Table
    new: int = 0
    revised: int = 0
    deleted: int = 0
    early: int = 0


def curated_schema(window: Window, contract: Contract) -> pa.Schema:
    """What readers see: the finished columns, the revision, and the commit that it came with."""
    added = [("revision", pa.int32()), ("early", pa.bool_()), ("deleted", pa.bool_()), ("commit_id", pa.string())]
    return pa.schema([
        *finished_schema(window, contract),
        *(pa.field(name, kind, nullable=False) for name, kind in added),
    ])  # fmt: skip


def emit(state: WindowState, changed: pa.Table, low_us: int, most_partitions: int) -> Emission:
    """The windows that are due at this low watermark; notes in `state` that they are out, and how many. `changed` are
    the panes that came to be since the last time. Where the windows that close lie in more partitions, some wait."""
    state.load_open()
    due = _due(state, changed, low_us, most_partitions)
    state.emitted_up_to_us = max(state.emitted_up_to_us, due.up_to_us)
    emission = _put_out(state, due.spans) if len(due.spans) else Emission(state.window.name, _empty(state))
    state.counts = _counted(state.counts, emission, due.left_open)
    return emission


def _counted(before: WindowCounts, emission: Emission, left_open: int) -> WindowCounts:
    return replace(
        before,
        open=left_open,
        emitted=before.emitted + emission.new,
        revised=before.revised + emission.revised,
        deleted=before.deleted + emission.deleted,
    )


def _put_out(state: WindowState, due: pa.Table) -> Emission:
    state.load_near(due)
    known, out = pairs(due, state.emitted, state.window.by, _SAME)
    revisions = np.ones(len(due), np.int32)
    revisions[known] = times(state.emitted, "revision")[out] + 1
    swallowed = _swallowed(state, due)
    rows = pa.concat_tables([
        _rows(state, due, revisions),
        _tombstones(state, state.emitted.take(pa.array(swallowed))),
    ])  # fmt: skip
    state.put_out(np.concatenate([out, swallowed]), _with_revisions(state, due, revisions))
    revised = int((revisions > 1).sum())
    return Emission(state.window.name, _sorted(state, rows), len(due) - revised, revised, len(swallowed))


def preview(state: WindowState, most_partitions: int) -> Emission:
    """The windows that are not out as they are now: early rows, which change no state."""
    state.load_open()
    spans = spans_of(state.window, state.panes.filter(pa.array(_open(state))))
    spans = spans.filter(pa.array(closes_us(state.window, spans) > state.emitted_up_to_us))
    names = sorted(Partitions.of(state.window, spans).names)[-most_partitions:]
    spans = spans.filter(pa.array(Partitions.of(state.window, spans).are_in(names), pa.bool_()))
    if not len(spans):
        return Emission(state.window.name, _empty(state))
    state.load_near(spans)
    rows = _rows(state, spans, np.zeros(len(spans), np.int32), early=True)
    return Emission(state.window.name, _sorted(state, rows), early=len(rows))


@dataclass(frozen=True, slots=True)
class _Due:
    spans: pa.Table
    up_to_us: int
    """Every window that closes up to here is then out."""
    left_open: int
    """How many windows are then not out."""


def _due(state: WindowState, changed: pa.Table, low_us: int, most_partitions: int) -> _Due:
    window, before_us = state.window, state.emitted_up_to_us
    again = spans_of(window, changed)
    again = again.filter(pa.array(closes_us(window, again) <= before_us))
    closing = spans_of(window, state.panes.filter(pa.array(_open(state))))
    closes = closes_us(window, closing)
    up_to_us = _limit(window, closing.filter(pa.array((before_us < closes) & (closes <= low_us))), most_partitions)
    up_to_us = low_us if up_to_us is None else up_to_us
    left_open = int((closes > up_to_us).sum())
    closing = closing.filter(pa.array((before_us < closes) & (closes <= up_to_us)))
    return _Due(pa.concat_tables([again, closing]), up_to_us, left_open)


def _open(state: WindowState) -> Mask:
    found: Mask = last_close_us(state.window, state.panes) > state.emitted_up_to_us
    return found


def _limit(window: Window, closing: pa.Table, most_partitions: int) -> int | None:
    """Up to which close the windows lie in no more partitions than these; at least the first close. None: all do."""
    codes = Partitions.of(window, closing).codes
    closes = closes_us(window, closing)
    order = np.argsort(closes, kind="stable")
    firsts = np.sort(np.unique(codes[order], return_index=True)[1])
    if len(firsts) <= most_partitions:
        return None
    return max(int(closes[order[firsts[most_partitions]]]) - 1, int(closes.min()))


def _swallowed(state: WindowState, due: pa.Table) -> Indices:
    """Sessions that are out and are now part of another, by their place in `emitted`."""
    if not isinstance(state.window, Session):
        return np.zeros(0, np.int64)
    inside = "l.start_us > r.start_us AND l.end_us <= r.end_us"
    return pairs(state.emitted, due, state.window.by, inside)[0]


def _rows(state: WindowState, spans: pa.Table, revisions: Revisions, *, early: bool = False) -> pa.Table:
    """The finished windows of these spans."""
    window = state.window
    inside, _ = pairs(state.panes, spans, window.by, "l.start_us >= r.start_us AND l.end_us <= r.end_us")
    panes = state.panes.take(pa.array(np.unique(inside)))
    rows = finished(window, state.contract, panes, np.unique(times(spans, "start_us")))
    starts = rows.column("window_start").cast(pa.int64())
    found = rows.select(window.by).append_column("start_us", starts).append_column("end_us", starts)
    chosen, asked = pairs(found, spans, window.by, _SAME)
    return _curated(rows.take(pa.array(chosen)), revisions[asked], early=early)


def _tombstones(state: WindowState, gone: pa.Table) -> pa.Table:
    """A last revision of sessions that are no more: their aggregates are null, their events 0."""
    schema = finished_schema(state.window, state.contract)
    said = {name: gone.column(name) for name in state.window.by}
    said |= {"window_start": gone.column("start_us"), "window_end": gone.column("end_us")}
    said["events"] = pa.array(np.zeros(len(gone), np.int64))
    columns = [
        said[field.name].cast(field.type) if field.name in said else pa.nulls(len(gone), field.type) for field in schema
    ]
    rows = pa.table(columns, schema=schema)
    return _curated(rows, (times(gone, "revision") + 1).astype(np.int32), deleted=True)


def _curated(rows: pa.Table, revisions: Revisions, *, early: bool = False, deleted: bool = False) -> pa.Table:
    return (
        rows.append_column(pa.field("revision", pa.int32(), nullable=False), pa.array(revisions, pa.int32()))
        .append_column(pa.field("early", pa.bool_(), nullable=False), pa.array(np.full(len(rows), early)))
        .append_column(pa.field("deleted", pa.bool_(), nullable=False), pa.array(np.full(len(rows), deleted)))
    )


def _with_revisions(state: WindowState, due: pa.Table, revisions: Revisions) -> pa.Table:
    return due.append_column("revision", pa.array(revisions, pa.int32())).cast(state.emitted.schema)


def _empty(state: WindowState) -> pa.Table:
    schema = curated_schema(state.window, state.contract)
    return schema.remove(schema.get_field_index("commit_id")).empty_table()


def _sorted(state: WindowState, rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in (*state.window.by, "window_start")])
