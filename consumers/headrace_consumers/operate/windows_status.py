"""What `status` tells of windows: how far event time is complete, what holds it back, and how many windows are out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from rich.table import Table

from headrace_consumers.operate.windows_reading import Standing
from headrace_consumers.windows import Window
from headrace_consumers.windows_service.manifest import Manifest
from headrace_consumers.windows_service.watermarks import MINUS_INFINITY_US, ShardProgress

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""An event of the year 1 leaves a watermark before it."""
_US_PER_S = 1_000_000


class WindowStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The windows of one declaration, per key; null where the service has not committed since it was declared."""

    name: str
    kind: str
    """`tumbling`, `hopping` or `session`."""
    open: int | None = None
    """With events, and not out."""
    closed: int | None = None
    """Out, and not taken back; ever."""
    revised: int | None = None
    """Revisions after the first, ever."""
    deleted: int | None = None
    """Sessions that were out and became part of another, ever."""


class WindowsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """As of the newest commit of the windows service. Times are RFC 3339; null where nothing says them."""

    low_watermark: str | None
    held_back_by: str | None
    """The shard whose watermark is the least of all that count."""
    behind_s: float | None
    """From the low watermark to the newest event that is merged."""
    committed_at: str | None
    without_watermark: tuple[str, ...]
    """Shards of which no event is merged, and that may yet have some."""
    windows: tuple[WindowStatus, ...]
    sentence: str


def windows_status(windows: Sequence[Window], standing: Standing, shard_ids: Sequence[str]) -> WindowsStatus:
    manifest = standing.manifest or Manifest()
    silent = tuple(shard_id for shard_id in shard_ids if _is_silent(manifest, shard_id))
    return WindowsStatus(
        low_watermark=_time(manifest.low_watermark_us),
        held_back_by=manifest.held_back_by or None,
        behind_s=_behind_s(manifest),
        committed_at=_committed_at(standing) if standing.manifest else None,
        without_watermark=silent,
        windows=tuple(_window(window, manifest) for window in windows),
        sentence=" ".join(_sentences(standing, silent)),
    )


def watermark_of(standing: Standing, shard_id: str) -> str | None:
    """None of a shard of which no event is merged."""
    return _watermark(standing.manifest or Manifest(), shard_id)


def windows_table(status: WindowsStatus) -> Table:
    table = Table(title="windows", title_justify="left")
    table.add_column("window", overflow="fold")
    table.add_column("kind")
    for heading in ("open", "closed", "revised", "deleted"):
        table.add_column(heading, justify="right")
    for window in status.windows:
        counts = (window.open, window.closed, window.revised, window.deleted)
        table.add_row(window.name, window.kind, *("-" if count is None else str(count) for count in counts))
    return table


def _window(window: Window, manifest: Manifest) -> WindowStatus:
    kind = type(window).__name__.lower()
    stored = manifest.windows.get(window.name)
    if stored is None:
        return WindowStatus(name=window.name, kind=kind)
    counts = stored.counts
    return WindowStatus(
        name=window.name,
        kind=kind,
        open=counts.open,
        closed=counts.closed,
        revised=counts.revised,
        deleted=counts.deleted,
    )


def _behind_s(manifest: Manifest) -> float | None:
    highest = (known.highest_event_time_us for known in manifest.shards.values())
    heard = [time_us for time_us in highest if time_us is not None]
    if not heard or manifest.low_watermark_us == MINUS_INFINITY_US:
        return None
    return max(0, max(heard) - manifest.low_watermark_us) / _US_PER_S


def _watermark(manifest: Manifest, shard_id: str) -> str | None:
    return _time(manifest.shards.get(shard_id, ShardProgress()).watermark_us)


def _is_silent(manifest: Manifest, shard_id: str) -> bool:
    """An ended shard that never had an event is waited for by nobody."""
    known = manifest.shards.get(shard_id, ShardProgress())
    return known.watermark_us == MINUS_INFINITY_US and not known.ended


def _sentences(standing: Standing, silent: Sequence[str]) -> Iterator[str]:
    if standing.remark:
        yield standing.remark
    if standing.manifest is not None:
        yield f"{_low(standing.manifest)}; as of the commit of {_committed_at(standing)}."
        if silent:
            yield f"No event is merged yet of {', '.join(silent)}."


def _low(manifest: Manifest) -> str:
    low, held = _time(manifest.low_watermark_us), _held(manifest)
    if low is None:
        return f"No window can close yet{held}"
    behind_s = _behind_s(manifest)
    behind = "" if behind_s is None else f"; it is {behind_s:.0f} s behind the newest merged event"
    return f"The low watermark is {low}{held}{behind}"


def _held(manifest: Manifest) -> str:
    if not manifest.held_back_by:
        return ""
    own = _watermark(manifest, manifest.held_back_by)
    return f", held back by {manifest.held_back_by}" + ("" if own else ", of which no event is merged")


def _committed_at(standing: Standing) -> str:
    return _rfc3339(_EPOCH + timedelta(milliseconds=standing.committed_ms), "milliseconds")


def _time(at_us: int) -> str | None:
    """None of a watermark that is not there yet."""
    if at_us == MINUS_INFINITY_US:
        return None
    return _rfc3339(_EPOCH + timedelta(microseconds=max(at_us, _FIRST_US)))


def _rfc3339(at: datetime, timespec: str = "auto") -> str:
    return at.isoformat(timespec=timespec).replace("+00:00", "Z")
