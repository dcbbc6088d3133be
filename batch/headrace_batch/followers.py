"""Who follows the log and how far: files that a follower has not passed stay what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headrace_batch.place import Place
from headrace_batch.rewriting import StandingFile
from headrace_consumers.commitlog.batch import batch_chain
from headrace_consumers.commitlog.model import Link
from headrace_consumers.commitlog.standing import Standing
from headrace_consumers.load.passed import PASSED, Passed, decode
from headrace_consumers.records import ROOT
from headrace_producers.errors import SettingsError

IsPassed = Callable[[StandingFile], bool]


@dataclass(frozen=True, slots=True)
class Passing:
    """Which files the loader has behind it, in the warehouse and all."""

    loader: Passed
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
            return self.loader.reaches(batch_chain(self.pipeline), self.places[commit_id])
        links = self.links.get(commit_id, ())
        return bool(links) and all(self.loader.reaches(link.chain, link.end) for link in links)


def passed_by_loader(
    place: Place, standing: Standing, *, no_loader: bool, also: Mapping[str, tuple[Link, ...]] | None = None
) -> IsPassed:
    """`also` are links of other commits than those of the stream. Raises SettingsError where no loader ever said how
    far it is, and nobody said that there is none."""
    note = require_loader(place, no_loader=no_loader)
    if note is None:
        return lambda _: True
    places = {commit.attempt_id: number for number, commit in enumerate(place.chain.after(ROOT), start=1)}
    links = {**standing.links, **(also or {})}
    return Passing(decode(note), links, places, place.pipeline.name)


def require_loader(place: Place, *, no_loader: bool) -> str | None:
    """The loader's note; None where there is no loader, as somebody said. Raises SettingsError where note and saying
    do not fit."""
    note = place.log.marks(place.pipeline.name).get(PASSED)
    if no_loader and note is not None:
        raise SettingsError(
            f"pipeline {place.pipeline.name} has a loader, by its note in the log; leave --no-loader out, for what "
            "it has not loaded yet would never be"
        )
    if note is None and not no_loader:
        raise SettingsError(
            f"no loader of pipeline {place.pipeline.name} has noted how far it is, and what it has not loaded must "
            "stay as it is; run `headrace-consumers load`, or say --no-loader where there is none"
        )
    return note
