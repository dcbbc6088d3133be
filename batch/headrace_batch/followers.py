"""Who follows the log and how far: files that a follower has not passed stay what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from headrace_batch.place import Place
from headrace_batch.rewriting import StandingFile
from headrace_consumers.commitlog.batch import batch_chain
from headrace_consumers.commitlog.model import Chain, Link
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.records import ROOT
from headrace_producers.errors import SettingsError

LOADER_MARK = "passed by loader"
IsPassed = Callable[[StandingFile], bool]


class _Passage(msgspec.Struct, frozen=True, array_like=True):
    generation: int
    stream_created_ms: int
    shard_id: str
    position: str


class LoaderPassed(msgspec.Struct, frozen=True):
    """The loader's own note."""

    chains: tuple[_Passage, ...] = ()
    unloaded: tuple[str, ...] = ()
    """URLs of files behind it that are held or in quarantine."""

    def position(self, chain: Chain) -> int:
        key = (chain.generation, chain.stream_created_ms, chain.shard_id)
        found = (one for one in self.chains if (one.generation, one.stream_created_ms, one.shard_id) == key)
        return max((int(one.position) for one in found), default=ROOT - 1)


@dataclass(frozen=True, slots=True)
class Passing:
    """Which files the loader has behind it, in the warehouse and all."""

    loader: LoaderPassed
    links: Mapping[str, tuple[Link, ...]]
    """Of commits of the stream, and of windows."""
    places: Mapping[str, int]
    """Of batch commits, in their chain."""
    pipeline: str

    def __call__(self, one: StandingFile) -> bool:
        if f"s3://{one.file.bucket}/{one.file.key}" in self.loader.unloaded:
            return False
        commit_id = one.commit.attempt_id
        if commit_id in self.places:
            return self.loader.position(batch_chain(self.pipeline)) >= self.places[commit_id]
        links = self.links.get(commit_id, ())
        return bool(links) and all(self.loader.position(link.chain) >= link.end for link in links)


def passed_by_loader(
    place: Place, standing: Standing, *, no_loader: bool, also: Mapping[str, tuple[Link, ...]] | None = None
) -> IsPassed:
    """`also` are links of other commits than those of the stream. Raises SettingsError where no loader ever said how
    far it is, and nobody said that there is none."""
    note = place.log.marks(place.pipeline.name).get(LOADER_MARK)
    if no_loader:
        if note is not None:
            raise SettingsError(
                f"pipeline {place.pipeline.name} has a loader, by its note in the log; leave --no-loader out, for what "
                "it has not loaded yet would never be"
            )
        return lambda _: True
    if note is None:
        raise SettingsError(
            f"no loader of pipeline {place.pipeline.name} has noted how far it is, and what it has not loaded must "
            "stay as it is; run `headrace-consumers load`, or say --no-loader where there is none"
        )
    places = {commit.attempt_id: number for number, commit in enumerate(place.chain.after(ROOT), start=1)}
    return Passing(
        msgspec.json.decode(note, type=LoaderPassed), {**standing.links, **(also or {})}, places, place.pipeline.name
    )
