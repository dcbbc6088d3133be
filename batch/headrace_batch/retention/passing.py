"""How far both followers are, the loader and the windows service: what one of them has still to read stays."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from headrace_batch.followers import LoaderPassed, require_loader
from headrace_batch.place import Place
from headrace_batch.retention.known import Known
from headrace_consumers.commitlog.model import Link
from headrace_consumers.records import ROOT
from headrace_consumers.windows_service.chain import SHARD_ID
from headrace_consumers.windows_service.files import MANIFEST


class _Merged(msgspec.Struct, frozen=True):
    position: int = ROOT


class _Header(msgspec.Struct, frozen=True):
    format: int = 1


class _One(msgspec.Struct, frozen=True):
    progress: dict[str, _Merged] = {}


class _Many(msgspec.Struct, frozen=True):
    progress: dict[int, dict[str, _Merged]] = {}


@dataclass(frozen=True, slots=True)
class Followers:
    """None where there is no such follower."""

    loader: LoaderPassed | None
    merged: dict[int, dict[str, _Merged]] | None
    """By generation and shard."""

    def have_passed(self, link: Link) -> bool:
        if self.loader is not None and self.loader.position(link.chain) < link.end:
            return False
        if self.merged is None or link.chain.shard_id == SHARD_ID:
            return True
        return self.merged.get(link.chain.generation, {}).get(link.chain.shard_id, _Merged()).position >= link.end


def followers_of(place: Place, known: Known, *, no_loader: bool) -> Followers:
    """Raises SettingsError where no loader ever said how far it is, and nobody said that there is none."""
    note = require_loader(place, no_loader=no_loader)
    loader = msgspec.json.decode(note, type=LoaderPassed) if note is not None else None
    return Followers(loader, _merged(place, known) if place.pipeline.windows else None)


def _merged(place: Place, known: Known) -> dict[int, dict[str, _Merged]]:
    """By the newest manifest; before the first one nothing is merged."""
    newest = [links[-1] for chain, links in known.chains.items() if chain.shard_id == SHARD_ID and links]
    link = max(newest, key=lambda one: one.chain.generation, default=None)
    if link is None:
        return {}
    commit = place.log.commit(place.pipeline.name, link.chain.generation, link.attempt_id)
    file = next(file for file in (commit.files if commit else ()) if file.partition == MANIFEST)
    body = place.store.read(file.bucket, file.key)
    if msgspec.json.decode(body, type=_Header).format == 1:
        return {link.chain.generation: msgspec.json.decode(body, type=_One).progress}
    return msgspec.json.decode(body, type=_Many).progress
