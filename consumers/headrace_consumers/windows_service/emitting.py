"""Which windows are due, and the rows that readers get of them.

A window is due when the low watermark has passed its close; one that is out and met by a later event is due again at
once. A session that is due takes back all that it has swallowed and that is out. Where panes are no more, because what
they were made of was retired, the windows that stand on nothing any more are taken back.
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
from headrace_consumers.windows_service.pairs import BEGINS_WITHIN, SAME_START, WITHIN, Indices, matches, pairs
from headrace_consumers.windows_service.spans import Mask, Partitions, closes_us, last_close_us, spans_of, times
from headrace_consumers.windows_service.state import WindowState
from headrace_producers.contracts import Contract

Revisions = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a window's panes, or sessions, since the last time."""

    panes: pa.Table
    """Those that came to be."""
    vanished: pa.Table | None = None
    """Those that are no more, or not the same; None where nothing was retired."""

    def __bool__(self) -> bool:
        return bool(len(self.panes) or (self.vanished is not None and len(self.vanished)))


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


def emit(state: WindowState, changes: Changes, low_us: int, most_partitions: int) -> Emission:
    """The windows that are due at this low watermark; notes in `state` that they are out, and how many. Where the
    windows that close lie in more partitions, some wait."""
    state.load_open()
    due = _due(state, changes, low_us, most_partitions)
    state.emitted_up_to_us = max(state.emitted_up_to_us, due.up_to_us)
    nothing = not len(due.spans) and changes.vanished is None
    emission = Emission(state.window.name, _empty(state)) if nothing else _put_out(state, due.spans, changes.vanished)
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


def _put_out(state: WindowState, due: pa.Table, vanished: pa.Table | None) -> Emission:
    state.load_near(due)
    groundless = _groundless(state, vanished)
    known, out = pairs(due, state.emitted, state.window.by, SAME_START)
    revisions = np.full(len(due), state.first_revision, np.int32)
    revisions[known] = times(state.emitted, "revision")[out] + 1
    taken_back = np.union1d(groundless, _swallowed(state, due))
    graves = state.emitted.take(pa.array(taken_back))
    rows = pa.concat_tables([_rows(state, due, revisions), _tombstones(state, graves)])
    revised = int(_standing(state)[out].sum())
    put_out = pa.concat_tables([_noted(state, due, revisions), _buried(state, graves)])
    state.put_out(np.concatenate([out, taken_back]), put_out)
    return Emission(state.window.name, _sorted(state, rows), len(due) - revised, revised, len(taken_back))


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


def _due(state: WindowState, changes: Changes, low_us: int, most_partitions: int) -> _Due:
    window, before_us = state.window, state.emitted_up_to_us
    again = _touched(state, changes)
    again = again.filter(pa.array(closes_us(window, again) <= before_us))
    closing = spans_of(window, state.panes.filter(pa.array(_open(state))))
    closes = closes_us(window, closing)
    up_to_us = _limit(window, closing.filter(pa.array((before_us < closes) & (closes <= low_us))), most_partitions)
    up_to_us = low_us if up_to_us is None else up_to_us
    left_open = int((closes > up_to_us).sum())
    closing = closing.filter(pa.array((before_us < closes) & (closes <= up_to_us)))
    return _Due(pa.concat_tables([again, closing]), up_to_us, left_open)


def _touched(state: WindowState, changes: Changes) -> pa.Table:
    """The windows that these panes are part of, or were, and that have an event."""
    window = state.window
    if isinstance(window, Session) or changes.vanished is None:
        return spans_of(window, changes.panes)
    names = [*window.by, "start_us", "end_us"]
    spans = spans_of(window, pa.concat_tables([changes.panes.select(names), changes.vanished.select(names)]))
    spans = spans.group_by(names, use_threads=False).aggregate([]).select(names).cast(spans.schema)
    state.load_near(spans)
    return spans.filter(pa.array(_holds(state, spans)))


def _holds(state: WindowState, spans: pa.Table) -> Mask:
    """Which of the spans, whose panes are in memory, have one."""
    held = np.zeros(len(spans), np.bool_)
    held[pairs(state.panes, spans, state.window.by, WITHIN)[1]] = True
    return held


def _groundless(state: WindowState, vanished: pa.Table | None) -> Indices:
    """Windows that are out, and stood on panes that vanished alone, by their place in `emitted`. A session that another
    one has swallowed is taken back when that one is out."""
    window = state.window
    if vanished is None:
        return np.zeros(0, np.int64)
    lost = spans_of(window, vanished)
    state.load_near(lost)
    near = np.flatnonzero(_standing(state))
    met = BEGINS_WITHIN if isinstance(window, Session) else SAME_START
    near = near[matches(state.emitted.take(pa.array(near)), lost, window.by, met)]
    suspects = state.emitted.take(pa.array(near))
    if isinstance(window, Session):
        grounded = matches(suspects, state.panes, window.by, BEGINS_WITHIN)
    else:
        grounded = _holds(state, suspects)
    return near[~grounded]


def _standing(state: WindowState) -> Mask:
    """Which rows of `emitted` are no tombstones."""
    found: Mask = ~state.emitted.column("deleted").to_numpy().astype(np.bool_)
    return found


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
    """Sessions that are out and begin in what is now another, by their place in `emitted`."""
    if not isinstance(state.window, Session):
        return np.zeros(0, np.int64)
    standing = np.flatnonzero(_standing(state))
    inside = "l.start_us > r.start_us AND l.start_us <= r.end_us"
    return standing[matches(state.emitted.take(pa.array(standing)), due, state.window.by, inside)]


def _rows(state: WindowState, spans: pa.Table, revisions: Revisions, *, early: bool = False) -> pa.Table:
    """The finished windows of these spans."""
    window = state.window
    inside, _ = pairs(state.panes, spans, window.by, WITHIN)
    panes = state.panes.take(pa.array(np.unique(inside)))
    rows = finished(window, state.contract, panes, np.unique(times(spans, "start_us")))
    starts = rows.column("window_start").cast(pa.int64())
    found = rows.select(window.by).append_column("start_us", starts).append_column("end_us", starts)
    chosen, asked = pairs(found, spans, window.by, SAME_START)
    return _curated(rows.take(pa.array(chosen)), revisions[asked], early=early)


def _tombstones(state: WindowState, gone: pa.Table) -> pa.Table:
    """The revision of windows that are no more: their aggregates are null, their events 0."""
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


def _noted(state: WindowState, due: pa.Table, revisions: Revisions, *, deleted: bool = False) -> pa.Table:
    """As `emitted` has them."""
    noted = due.append_column("revision", pa.array(revisions, pa.int32()))
    return noted.append_column("deleted", pa.array(np.full(len(due), deleted))).cast(state.emitted.schema)


def _buried(state: WindowState, graves: pa.Table) -> pa.Table:
    revisions = (times(graves, "revision") + 1).astype(np.int32)
    return _noted(state, graves.drop_columns(["revision", "deleted"]), revisions, deleted=True)


def _empty(state: WindowState) -> pa.Table:
    schema = curated_schema(state.window, state.contract)
    return schema.remove(schema.get_field_index("commit_id")).empty_table()


def _sorted(state: WindowState, rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in (*state.window.by, "window_start")])
