"""How a demo tells on stderr how far it is: a table that lives on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

_LINE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Nodes:
    """Of dbt: models, snapshots and tests."""

    done: int = 0
    total: int = 0
    """0 until dbt has counted them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One look at a running demo; figures are events."""

    doing: str
    seconds: float
    put: int = 0
    committed: int = 0
    commits: int = 0
    loaded: int = 0
    """Rows in the warehouse, windows' included."""
    delivered_by_shard: Mapping[str, int] = field(default_factory=dict)
    committed_by_shard: Mapping[str, int] = field(default_factory=dict)
    nodes: Nodes = Nodes()

    @property
    def lag_by_shard(self) -> dict[str, int]:
        """Events in the stream that no commit holds yet."""
        taken = sorted(self.delivered_by_shard.items())
        return {shard: max(0, count - self.committed_by_shard.get(shard, 0)) for shard, count in taken}


class ProgressView(Protocol):
    def show(self, progress: Progress) -> None: ...


class LineView:
    """A plain line every five seconds, and one whenever the demo goes on to something else."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._doing = ""
        self._next_s = 0.0

    def show(self, progress: Progress) -> None:
        if progress.doing == self._doing and time.monotonic() < self._next_s:
            return
        self._doing, self._next_s = progress.doing, time.monotonic() + _LINE_EVERY_S
        self._console.print(_line(progress), highlight=False, markup=False, soft_wrap=True)


class TableView:
    """Redrawn in place."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, progress: Progress) -> None:
        self._live.update(_table(progress))


@contextmanager
def progress_view(console: Console) -> Iterator[ProgressView]:
    if not console.is_terminal:
        yield LineView(console)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield TableView(live)


def _line(progress: Progress) -> str:
    lag = ", ".join(f"{shard[-4:]}: {events:,}" for shard, events in progress.lag_by_shard.items())
    figures = f"put {progress.put:,}  committed {progress.committed:,}  commits {progress.commits}"
    figures += f"  loaded {progress.loaded:,}"
    if progress.nodes.total:
        figures += f"  nodes {progress.nodes.done} of {progress.nodes.total}"
    return f"{progress.seconds:6.1f} s  {progress.doing}  {figures}  lag {{{lag}}}"


def _table(progress: Progress) -> Table:
    table = Table(title=f"{progress.doing} · {progress.seconds:.0f} s", title_justify="left")
    for heading in ("shard", "in the stream", "committed", "lag"):
        table.add_column(heading, justify="left" if heading == "shard" else "right")
    for shard, lag in progress.lag_by_shard.items():
        delivered = progress.delivered_by_shard[shard]
        table.add_row(shard, f"{delivered:,}", f"{progress.committed_by_shard.get(shard, 0):,}", f"{lag:,}")
    waiting = progress.put - progress.committed
    table.add_section()
    table.add_row(f"{progress.commits} commits", f"{progress.put:,} put", f"{progress.committed:,}", f"{waiting:,}")
    table.add_row("warehouse", "", f"{progress.loaded:,} rows loaded", "")
    if progress.nodes.total:
        table.add_row("models", "", f"{progress.nodes.done} of {progress.nodes.total} nodes", "")
    return table
