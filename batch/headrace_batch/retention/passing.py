"""How far both followers are, the loader and the windows service: what one of them has still to read stays."""

from __future__ import annotations

from dataclasses import dataclass

from headrace_batch.followers import require_loader
from headrace_batch.place import Place
from headrace_batch.retention.known import Known
from headrace_consumers.commitlog.model import Link
from headrace_consumers.errors import LogError
from headrace_consumers.load.passed import Passed, decode
from headrace_consumers.windows_service.chain import SHARD_ID, manifest_place
from headrace_consumers.windows_service.manifest import Manifest, decode_manifest


@dataclass(frozen=True, slots=True)
class Followers:
    """None where there is no such follower."""

    loader: Passed | None
    windows: Manifest | None

    def have_passed(self, link: Link) -> bool:
        if self.loader is not None and not self.loader.reaches(link.chain, link.end):
            return False
        if self.windows is None or link.chain.shard_id == SHARD_ID:
            return True
        merged = self.windows.progress.get(link.chain.generation, {}).get(link.chain.shard_id)
        return merged is not None and merged.position >= link.end


def followers_of(place: Place, known: Known, *, no_loader: bool) -> Followers:
    """Raises SettingsError where no loader ever said how far it is, and nobody said that there is none."""
    note = require_loader(place, no_loader=no_loader)
    loader = decode(note) if note is not None else None
    return Followers(loader, _merged(place, known) if place.pipeline.windows else None)


def _merged(place: Place, known: Known) -> Manifest:
    """The newest manifest; before the first one nothing is merged."""
    newest = [links[-1] for chain, links in known.chains.items() if chain.shard_id == SHARD_ID and links]
    link = max(newest, key=lambda one: one.chain.generation, default=None)
    if link is None:
        return Manifest()
    commit = place.log.commit(place.pipeline.name, link.chain.generation, link.attempt_id)
    if commit is None:
        raise LogError(f"the windows' chain names commit {link.attempt_id}, which is missing")
    return decode_manifest(place.store.read(*manifest_place(commit.files)), link.chain.generation)
