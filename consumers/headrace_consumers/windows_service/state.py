"""The state of one window: merged panes, and which windows are out.

It lies in partitions, by the start of the pane or session. Those whose windows are all out leave memory, and are read
back when an event touches them. What changes is written whole, a partition at a time, by the commit that changes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from headrace_consumers.windows import Session, Window
from headrace_consumers.windows.layout import partial_schema
from headrace_consumers.windows.merging import merged
from headrace_consumers.windows_service.folders import Stretches
from headrace_consumers.windows_service.manifest import StoredPartition, StoredWindow, WindowCounts
from headrace_consumers.windows_service.pairs import SAME_START, Indices, matches
from headrace_consumers.windows_service.spans import Mask, Partitions, last_close_us, size_us, times
from headrace_consumers.windows_service.tables import decoded
from headrace_producers.contracts import Contract
from headrace_producers.errors import SettingsError

Read = Callable[[str, str], bytes]
"""Bucket and key to the object."""


def emitted_schema(window: Window, contract: Contract) -> pa.Schema:
    """Windows that are out, or were: keys, span, newest revision, and whether that is a tombstone."""
    fields = partial_schema(window, contract)
    spans = [fields.field(name) for name in (*window.by, "start_us", "end_us")]
    newest = [pa.field("revision", pa.int32(), nullable=False), pa.field("deleted", pa.bool_(), nullable=False)]
    return pa.schema([*spans, *newest])


@dataclass(slots=True)
class WindowState:
    """Mutable; after an exception it is of no use any more: the process starts anew from its newest commit."""

    window: Window
    contract: Contract
    read: Read
    stored: dict[str, StoredPartition]
    emitted_up_to_us: int
    panes: pa.Table
    emitted: pa.Table
    """Of the partitions in memory."""
    counts: WindowCounts
    first_revision: int = 1
    in_memory: set[str] = field(default_factory=set)
    dirty: set[str] = field(default_factory=set)
    """Partitions that differ from what is stored."""

    @classmethod
    def of(cls, window: Window, contract: Contract, read: Read, stored: StoredWindow | None) -> WindowState:
        """As the manifest has it; nothing is read yet."""
        known = stored or StoredWindow(declared=repr(window))
        if known.declared != repr(window):
            raise SettingsError(f"window {window.name!r} was declared otherwise when its state was written: "
                                "give the new declaration another name")  # fmt: skip
        return cls(
            window, contract, read, dict(known.partitions), known.emitted_up_to_us,
            partial_schema(window, contract).empty_table(), emitted_schema(window, contract).empty_table(),
            known.counts, known.first_revision,
        )  # fmt: skip

    @property
    def open_panes(self) -> int:
        """Panes and sessions, per key, whose windows are not all out."""
        return int((last_close_us(self.window, self.panes) > self.emitted_up_to_us).sum())

    def load_open(self) -> None:
        """Brings the partitions to memory that have a window which is not out."""
        self._load(name for name, part in self.stored.items() if part.closes_us > self.emitted_up_to_us)

    def load_near(self, spans: pa.Table, reach_us: int = 0) -> None:
        """Brings to memory what the spans could meet, so far around them, and the partitions that they are part of."""
        if not len(spans):
            return
        self._load(name for name in Partitions.of(self.window, spans).names if name in self.stored)
        lows, highs = times(spans, "start_us") - reach_us, times(spans, "end_us") + reach_us
        self._load(
            name for name, part in self.stored.items() if ((lows <= part.high_us) & (highs >= part.low_us)).any()
        )

    def load_between(self, stretches: Stretches) -> None:
        """Brings the partitions to memory that hold anything of these stretches of time."""
        lows = np.array([part.low_us for part in self.stored.values()], np.int64)
        highs = np.array([part.high_us for part in self.stored.values()], np.int64)
        met = stretches.meet(lows, highs)
        self._load(name for name, is_met in zip(self.stored, met, strict=True) if is_met)

    def between(self, stretches: Stretches) -> Mask:
        """The panes, or sessions, with anything in these stretches, of those in memory."""
        return stretches.meet(times(self.panes, "start_us"), times(self.panes, "end_us"))

    def put_instead(self, replaced: Mask, panes: pa.Table) -> None:
        """Puts panes in the place of others: what these were merged of counts no more."""
        gone = self.panes.filter(pa.array(replaced))
        stays = self.panes.filter(pa.array(~replaced))
        self.panes = pa.concat_tables([stays, panes]).combine_chunks()
        self._soil(gone, panes)

    def add(self, tables: Sequence[pa.Table]) -> pa.Table:
        """Merges partials; the panes, or sessions, that came to be."""
        if not tables:
            return self.panes.slice(0, 0)
        fresh = merged(self.window, self.contract, tables)
        self.load_near(fresh, size_us(self.window))
        met = self._met(fresh)
        before = self.panes.filter(pa.array(met))
        after = merged(self.window, self.contract, [before, fresh])
        self.panes = pa.concat_tables([self.panes.filter(pa.array(~met)), after]).combine_chunks()
        self._soil(before, after)
        return after

    def put_out(self, replaced: Indices, rows: pa.Table) -> None:
        """Notes which windows are out now, in place of these rows of `emitted`."""
        stays = np.ones(len(self.emitted), np.bool_)
        stays[replaced] = False
        self._soil(self.emitted.filter(pa.array(~stays)), rows)
        self.emitted = pa.concat_tables([self.emitted.filter(pa.array(stays)), rows]).combine_chunks()

    def changed(self) -> tuple[pa.Table, pa.Table]:
        """Panes and emitted windows of the dirty partitions."""
        return self._within(self.panes, self.dirty), self._within(self.emitted, self.dirty)

    def wrote(self, places: Mapping[str, StoredPartition]) -> None:
        """The dirty partitions stand in the lake; one that is not in `places` is empty."""
        for name in self.dirty:
            self.stored.pop(name, None)
        self.stored |= places
        self.dirty.clear()

    def forget_closed(self) -> None:
        """Lets go of partitions whose windows are all out."""
        self.in_memory = {name for name, part in self.stored.items() if part.closes_us > self.emitted_up_to_us}
        self.panes = self._within(self.panes, self.in_memory)
        self.emitted = self._within(self.emitted, self.in_memory)

    def description(self) -> StoredWindow:
        return StoredWindow(
            repr(self.window), self.emitted_up_to_us, dict(self.stored), self.counts, self.first_revision
        )  # fmt: skip

    def _met(self, fresh: pa.Table) -> Mask:
        """The panes that the fresh ones are merged with: of a session, all of its keys' in reach."""
        condition = SAME_START
        if isinstance(self.window, Session):
            gap_us = self.window.gap_us
            condition = f"l.start_us <= r.end_us + {gap_us} AND l.end_us >= r.start_us - {gap_us}"
        return matches(self.panes, fresh, self.window.by, condition)

    def _load(self, names: Iterable[str]) -> None:
        parts = {name: self.stored[name] for name in set(names) - self.in_memory}
        self.panes = self._with(self.panes, {name: (part.bucket, part.panes_key) for name, part in parts.items()})
        self.emitted = self._with(self.emitted, {name: (part.bucket, part.emitted_key) for name, part in parts.items()})
        self.in_memory.update(parts)

    def _with(self, table: pa.Table, places: Mapping[str, tuple[str, str]]) -> pa.Table:
        """The table and the rows of these partitions. A state file may hold many, and others too: each is read once."""
        names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for name, place in sorted(places.items()):
            names[place].add(name)
        found = (self._within(decoded(self.read(*place)), inside) for place, inside in names.items())
        return pa.concat_tables([table, *(_fitting(rows, table.schema) for rows in found)]).combine_chunks()

    def _soil(self, *tables: pa.Table) -> None:
        for table in tables:
            touched = Partitions.of(self.window, table).names
            self.dirty.update(touched)
            self.in_memory.update(touched)

    def _within(self, table: pa.Table, names: Collection[str]) -> pa.Table:
        return table.filter(pa.array(Partitions.of(self.window, table).are_in(names), pa.bool_()))


def _fitting(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """State that is older than tombstones has none."""
    if "deleted" in schema.names and "deleted" not in rows.column_names:
        rows = rows.append_column("deleted", pa.array(np.zeros(len(rows), np.bool_)))
    return rows.cast(schema)
