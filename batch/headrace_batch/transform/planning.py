"""Which files a transform reads, and which of its own it replaces, by what stands in the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headrace_batch.place import Place
from headrace_batch.retention.expired import expired_files
from headrace_batch.retention.places import Kept
from headrace_batch.rewriting import StandingFile, standing_files
from headrace_batch.transform.declare import Transform
from headrace_batch.transform.stretch import Stretch
from headrace_consumers.commitlog.model import Replaced
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.lake.objects import PendingFile


@dataclass(frozen=True, slots=True)
class Plan:
    stretch: Stretch
    """That is computed."""
    inputs: tuple[StandingFile, ...]
    replaces: tuple[StandingFile, ...]
    """What an earlier run made of these partitions."""
    position: int
    """Of the batch chain."""

    @property
    def rows(self) -> int:
        """In the files that the log still knows."""
        return sum(one.file.rows for one in self.inputs)

    @property
    def bytes(self) -> int:
        return sum(one.file.bytes for one in self.inputs)

    @property
    def replaced(self) -> tuple[Replaced, ...]:
        return tuple(one.replaced for one in self.replaces)


def make_plan(place: Place, transform: Transform, buckets: Kept, stretch: Stretch) -> Plan:
    """Blocks on the network. Files of commits that the log no longer has are listed, and read like the others."""
    standing = place.standing()
    inputs = {(one.file.bucket, one.file.key): one for one in _inputs(place, transform, buckets, standing, stretch)}
    own = (one for one in standing_files(standing) if is_of(transform.name, one.file))
    replaces = tuple(one for one in own if stretch.meets(one.file.partition, transform.partition_by))
    return Plan(stretch, tuple(inputs.values()), replaces, standing.position)


def is_of(name: str, file: PendingFile | Replaced) -> bool:
    return file.table == name


def _inputs(
    place: Place, transform: Transform, buckets: Kept, standing: Standing, stretch: Stretch
) -> Iterator[StandingFile]:
    grains = {name: place.pipeline.table(name).partition_by for name in transform.sources}
    read = stretch.earlier(transform.before)
    for one in (*expired_files(place, buckets), *standing_files(standing)):
        grain = grains.get(one.file.table) if one.file.bucket == buckets.processed else None
        if grain is not None and read.meets(one.file.partition, grain):
            yield one
