"""What is committed and not loaded yet: commits in the order of the log, until a load is due. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from headrace_consumers.commitlog.batch import NO_GENERATION, batch_chain
from headrace_consumers.commitlog.following import Advance
from headrace_consumers.commitlog.model import Chain, Commit, LinkKind
from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.records import ROOT


class ChainPosition(msgspec.Struct, frozen=True):
    """How far a chain is loaded."""

    position: int = ROOT
    ended: bool = False


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One file that belongs into the warehouse."""

    commit_id: str
    table: str
    bucket: str
    key: str
    rows: int
    bytes: int
    sha256: str = ""
    """Empty where the ledger alone knows the file."""
    generation: int = NO_GENERATION
    """Of its commit."""
    rewritten: bool = False
    """Its rows were in files that it replaces."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class TablePlace:
    """Where the files of a table lie; a raw file may have the name of a table."""

    table: str
    bucket: str


IsGone = Callable[[LakeFile], bool]
"""Whether a file is of the lake no more, by batch commits."""


def _nothing_is_gone(_: LakeFile) -> bool:
    return False


@dataclass(slots=True)
class Waiting:
    """Mutable: filled by what is followed, emptied by a load."""

    places: Collection[TablePlace]
    files: list[LakeFile] = field(default_factory=list)
    batch: list[Commit] = field(default_factory=list)
    """Those of batch, with all that they change of what was loaded before."""
    positions: dict[Chain, ChainPosition] = field(default_factory=dict)
    """Of the chains that moved."""
    commits: int = 0
    """How many; many may have no files, for these are of the lake no more."""
    since_s: float | None = None
    """When the first of it was seen."""

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def add(self, advances: Iterable[Advance], now_s: float, is_gone: IsGone = _nothing_is_gone) -> None:
        """Files that are gone are passed: those of retired commits, and replaced ones."""
        for advance in advances:
            for link in advance.links:
                self.positions[link.chain] = ChainPosition(link.end, link.kind is LinkKind.TERMINAL)
            if advance.commit is not None:
                self._add_files(advance.commit, is_gone)
        self._seen(now_s)

    def add_batch(self, commit: Commit, end: int, now_s: float, is_gone: IsGone = _nothing_is_gone) -> None:
        """The next of the batch chain, which it brings to `end`."""
        self.positions[batch_chain(commit.pipeline)] = ChainPosition(end)
        self.batch.append(commit)
        self._add_files(commit, is_gone)
        self._seen(now_s)

    def drop(self, is_gone: IsGone) -> None:
        """What went since it was added."""
        self.files = [file for file in self.files if not is_gone(file)]

    def _add_files(self, commit: Commit, is_gone: IsGone) -> None:
        self.commits += 1
        self.files += [file for file in lake_files(commit, self.places) if not is_gone(file)]

    def _seen(self, now_s: float) -> None:
        if self.positions and self.since_s is None:
            self.since_s = now_s

    def age_s(self, now_s: float) -> float:
        return 0.0 if self.since_s is None else now_s - self.since_s

    def clear(self) -> None:
        self.files, self.batch, self.positions, self.commits, self.since_s = [], [], {}, 0, None


def lake_files(commit: Commit, places: Collection[TablePlace]) -> list[LakeFile]:
    """Those of a commit's files that belong into the warehouse."""
    return [lake_file(commit, file) for file in commit.files if TablePlace(file.table, file.bucket) in places]


def lake_file(commit: Commit, file: PendingFile) -> LakeFile:
    return LakeFile(
        commit.attempt_id, file.table, file.bucket, file.key, file.rows, file.bytes, file.sha256, commit.generation,
        file.rewritten,
    )  # fmt: skip


def by_table(files: Iterable[LakeFile]) -> Mapping[str, list[LakeFile]]:
    """In the order of their names, so that every load takes its locks in one order."""
    found: dict[str, list[LakeFile]] = {}
    for file in sorted(files, key=lambda file: (file.table, file.commit_id, file.key)):
        found.setdefault(file.table, []).append(file)
    return found
