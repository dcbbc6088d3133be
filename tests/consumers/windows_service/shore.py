"""Tides with batch beside them: which commit brought what, and which were taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from headrace_consumers.commitlog.model import Commit, CommitKind, Replaced
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.windows import Window
from headrace_consumers.windows_service.folders import partial_files
from headrace_consumers.windows_service.tables import decoded, encoded
from tests.consumers.windows_service.tides import Reading, Tides, at


@dataclass
class Shore(Tides):
    """What stands is all that commits brought which nobody retired."""

    may_return: bool = True
    brought: dict[str, list[Reading]] = field(default_factory=dict)
    made: dict[str, Commit] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    names_days: bool = True
    """Whether commits have the files of the table, whose folders tell the days of their readings."""

    def commit(self, by_shard: Mapping[str, Sequence[Reading]], *, complete: bool = True) -> Commit:
        commit = super().commit(by_shard, complete=complete)
        return self._keep(commit, [reading for shard in by_shard.values() for reading in shard])

    def batch(
        self, readings: Sequence[Reading] = (), *retires: Commit | str, kind: CommitKind = CommitKind.BACKFILL,
        settled: bool = True,
    ) -> Commit:  # fmt: skip
        """A batch commit; once it is settled, the files of what it retires are deleted."""
        self.readings += readings
        ids = [one if isinstance(one, str) else one.attempt_id for one in retires]
        commit = self._keep(self.sea.batch(self.files(readings), retires=ids, kind=kind), list(readings))
        self.retired |= set(ids)
        if settled:
            self.settle(commit)
        return commit

    def rewind(self, keep: int, *, by: int = 1, settled: bool = True) -> Commit:
        """Back to the first so many transactions of this generation."""
        return self.batch((), *self.sea.raise_generation(keep, by=by), kind=CommitKind.REWIND, settled=settled)

    def rewrite(self, commit: Commit, window: Window, *, says: str = "") -> Commit:
        """As compaction does: the commit's partials in another file, whose footer says whose they are."""
        [file] = partial_files(window, commit.pipeline, commit.files)
        rows = decoded(self.sea.store().read(file.bucket, file.key))
        said = msgspec.json.encode([says or commit.attempt_id])
        body = encoded(rows.replace_schema_metadata({**(rows.schema.metadata or {}), b"headrace.commits": said}))
        name = f"{file.table}/{file.partition}/rewritten-{len(self.sea.s3.objects)}.parquet"
        written = EncodedFile(file.table, file.partition, "curated", name, file.rows, body, rewritten=True)
        replaced = Replaced(commit.attempt_id, file.table, file.bucket, file.key)
        made = self._keep(self.sea.batch([written], replaces=[replaced], kind=CommitKind.COMPACTION), [])
        self.settle(made)
        self.sea.store().delete(file.bucket, file.key)
        return made

    def settle(self, commit: Commit) -> None:
        """As batch does: completes the files, then takes out those of the retired, pending or not."""
        for file in commit.files if commit.attempt_id not in self.retired else ():
            self.sea.store().complete(file, commit.attempt_id)
        self.take_out(commit)

    def take_out(self, commit: Commit) -> None:
        """The files of what the commit retires, pending or not; the raw ones, which stay, nobody reads here."""
        store = self.sea.store()
        for file in (file for one in commit.retires if one in self.made for file in self.made[one].files):
            store.abort(file)
            store.delete(file.bucket, file.key)

    def files(self, readings: Sequence[Reading]) -> list[EncodedFile]:
        days = sorted({at(minute).date().isoformat() for _, minute, _ in readings}) if self.names_days else []
        number = len(self.made)
        rows = [
            EncodedFile("tides", f"event_date={day}", "processed", f"tides/event_date={day}/{number}.parquet", 1, b"x")
            for day in days
        ]
        return [*rows, *super().files(readings)] if readings else []

    def standing(self) -> list[Reading]:
        return [one for made, brought in self.brought.items() if made not in self.retired for one in brought]

    def _keep(self, commit: Commit, readings: list[Reading]) -> Commit:
        self.brought[commit.attempt_id] = readings
        self.made[commit.attempt_id] = commit
        return commit
