"""`headrace-consumers status`: where each shard stands, and how far the windows are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

import msgspec
from msgspec.structs import replace
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from headrace_consumers.commitlog.model import Chain, Counts, Link, LinkKind
from headrace_consumers.operate.leases import Lease
from headrace_consumers.operate.view import PipelineView, Place
from headrace_consumers.operate.windows_reading import read_standing
from headrace_consumers.operate.windows_status import WindowsStatus, watermark_of, windows_status, windows_table
from headrace_consumers.shards import Shard

RECENT_LINKS = 50
"""As many as one query brings."""


class ShardStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One shard. Positions are sequence numbers as text; times are RFC 3339."""

    shard_id: str
    state: str
    """`open`, `closed` (ended, not read to its end), `ended` (terminal link stands) or `forgotten` by the stream."""
    position: str | None
    """Right after a rewind, where the shard goes on."""
    lag_ms: int | None
    last_commit: str | None
    committed_at: str | None
    owner: str | None
    """The worker that leases the shard now, by KCL's table."""
    gaps: tuple[str, ...] = ()
    """Of the newest RECENT_LINKS links: why records were left out, oldest first. Empty is what you want."""
    counts: Counts = Counts()
    """Of the newest link."""
    watermark: str | msgspec.UnsetType | None = msgspec.UNSET
    """Up to where its event time is complete, by the windows service's newest commit; null where no event of it is
    merged, unset where the pipeline has no windows."""


class PipelineStatus(msgspec.Struct, frozen=True, kw_only=True):
    pipeline: str
    stream: str
    generation: int
    retention_hours: int
    shards: tuple[ShardStatus, ...]
    windows: WindowsStatus | msgspec.UnsetType = msgspec.UNSET
    """Unset where the pipeline has none."""


def read_status(view: PipelineView) -> PipelineStatus:
    """Reads log, stream and leases; costs one GetRecords call a shard. Of the lake, it reads one object where the
    pipeline has windows."""
    place = view.place()
    shards, leases = view.stream.shards(), view.leases(place)
    found = PipelineStatus(
        pipeline=view.pipeline.name,
        stream=place.identity.name,
        generation=place.generation,
        retention_hours=place.identity.retention_hours,
        shards=tuple(_shard(view, place, chain, shards, leases) for chain in view.chains(place)),
    )
    return _with_windows(view, place, found) if view.pipeline.windows else found


def _with_windows(view: PipelineView, place: Place, found: PipelineStatus) -> PipelineStatus:
    standing = read_standing(view, place)
    shard_ids = [shard.shard_id for shard in found.shards]
    return replace(
        found,
        shards=tuple(replace(shard, watermark=watermark_of(standing, shard.shard_id)) for shard in found.shards),
        windows=windows_status(view.pipeline.windows, standing, shard_ids),
    )


def _shard(
    view: PipelineView, place: Place, chain: Chain, shards: Mapping[str, Shard], leases: Mapping[str, Lease]
) -> ShardStatus:
    newest_first = list(islice(view.log.newest_links(chain), RECENT_LINKS))
    link = newest_first[0] if newest_first else None
    state = _state(link, shards.get(chain.shard_id))
    reads = state in {"open", "closed"}
    return ShardStatus(
        shard_id=chain.shard_id,
        state=state,
        position=link.end_sequence_number if link else None,
        lag_ms=view.lag_ms(place, link, chain.shard_id) if reads else None,
        last_commit=link.attempt_id if link and link.kind is not LinkKind.FORK else None,
        committed_at=_time(link.written_ms) if link and link.kind is not LinkKind.FORK else None,
        owner=(leases[chain.shard_id].owner or None) if chain.shard_id in leases else None,
        gaps=tuple(found.reason for found in reversed(newest_first) if found.kind is LinkKind.GAP),
        counts=link.counts if link else Counts(),
    )


def _state(link: Link | None, shard: Shard | None) -> str:
    if link is not None and link.kind is LinkKind.TERMINAL:
        return "ended"
    if shard is None:
        return "forgotten"
    return "closed" if shard.closed else "open"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def told(status: PipelineStatus) -> Iterator[RenderableType]:
    """What a person reads, from top to bottom."""
    yield status_table(status)
    if status.windows is not msgspec.UNSET:
        yield windows_table(status.windows)
        yield Text(status.windows.sentence)


def status_table(status: PipelineStatus) -> Table:
    title = f"{status.pipeline} on stream {status.stream}, generation {status.generation}"
    table = Table(title=title, title_justify="left")
    headings = ["shard", "state", "position", "lag", "last commit", "committed at", "owner", "gaps"]
    if status.windows is not msgspec.UNSET:
        headings.append("watermark")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for shard in status.shards:
        table.add_row(
            shard.shard_id,
            shard.state,
            shard.position or "-",
            "-" if shard.lag_ms is None else f"{shard.lag_ms} ms",
            shard.last_commit or "-",
            shard.committed_at or "-",
            shard.owner or "-",
            "; ".join(shard.gaps) or "-",
            *(() if shard.watermark is msgspec.UNSET else (shard.watermark or "-",)),
        )
    return table
