"""`headrace-consumers repair`: makes what the log says true again where the lake has lost a file.

The order is that of a commit: upload pending, write the log, complete. So a repair that dies half-way leaves either
uploads that nobody knows, or pending files that anyone completes; and of two repairs at once one wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from headrace_consumers.commitlog.batch import RAW_KEPT_FROM
from headrace_consumers.commitlog.model import Commit, is_raw
from headrace_consumers.errors import MissingFileError, RepairError
from headrace_consumers.lake.objects import EncodedFile, PendingFile
from headrace_consumers.operate.rereading import RecordReader
from headrace_consumers.operate.restaging import remake_files
from headrace_consumers.operate.view import PipelineView
from headrace_consumers.settings import BatchSettings


class CommitRepair(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one commit, and what became of it. Files are named by their S3 address."""

    commit: str
    files: int
    pending: tuple[str, ...] = ()
    """Uploaded, not completed."""
    lost: tuple[str, ...] = ()
    """Neither readable nor pending: to be made again from the stream."""
    applied: bool = False
    """False of a rehearsal."""
    refused: str = ""
    """Why the lost files cannot be made again."""

    @property
    def whole(self) -> bool:
        """Every file is readable now."""
        return not (self.pending or self.lost) or (self.applied and not self.refused)


@dataclass(frozen=True, slots=True)
class Repairer:
    """Examines commits, and repairs them; safe to repeat, and beside running workers. Blocks on the network."""

    view: PipelineView
    reader: RecordReader
    max_unpacked_bytes: int = BatchSettings.max_unpacked_bytes

    def rehearse(self, commit: Commit) -> CommitRepair:
        """What `repair` would do; writes nothing, but reads the stream again where a file is lost."""
        pending, lost = self._sort(commit)
        refused = ""
        if lost:
            try:
                _chosen(commit, lost, self._remade(commit))
            except RepairError as error:
                refused = str(error)
        return _report(commit, pending, lost, refused=refused)

    def repair(self, commit: Commit) -> CommitRepair:
        """Completes what is pending and makes again what is lost."""
        pending, lost = self._sort(commit)
        lost += [file for file in pending if not self._completed(file, commit.attempt_id)]
        try:
            if lost:
                self._restore(commit, lost)
        except RepairError as error:
            return _report(commit, pending, lost, applied=True, refused=str(error))
        return _report(commit, pending, lost, applied=True)

    def _sort(self, commit: Commit) -> tuple[list[PendingFile], list[PendingFile]]:
        """The files that HEAD does not prove: those still pending, and the lost. What batch took out is neither."""
        missing = [file for file in commit.files if not self.view.store.is_complete(file, commit.attempt_id)]
        missing = self._of_the_lake(commit, missing) if missing else missing
        pending = [file for file in missing if self.view.store.is_pending(file)]
        return pending, [file for file in missing if file not in pending]

    def _of_the_lake(self, commit: Commit, files: Sequence[PendingFile]) -> list[PendingFile]:
        """A retired commit keeps its raw file, until the retention of the raw zone takes it."""
        gone = self.view.gone()
        raw_from_ms = int(self.view.log.marks(commit.pipeline).get(RAW_KEPT_FROM, "0"))
        is_kept = int(commit.attempt_id[:12], 16) >= raw_from_ms
        return [
            file
            for file in files
            if (is_kept if is_raw(commit, file) else not gone.has(commit.attempt_id, file.bucket, file.key))
        ]

    def _completed(self, file: PendingFile, attempt_id: str) -> bool:
        try:
            self.view.store.complete(file, attempt_id)
        except MissingFileError:
            return False
        return True

    def _restore(self, commit: Commit, lost: Sequence[PendingFile]) -> None:
        store = self.view.store
        chosen = _chosen(commit, lost, self._remade(commit))
        made = {file.key: store.upload_pending(file, commit.attempt_id) for file in chosen}
        files = tuple(made.get(file.key, file) if file in lost else file for file in commit.files)
        if not self.view.log.replace_files(commit, msgspec.structs.replace(commit, files=files)):
            for file in made.values():
                store.abort(file)
            raise RepairError(f"commit {commit.attempt_id} was changed meanwhile, by another repair; run it again")
        for file in made.values():
            store.complete(file, commit.attempt_id)

    def _remade(self, commit: Commit) -> list[EncodedFile]:
        return remake_files(self.view, self.reader, commit, self.max_unpacked_bytes)


def sentences(report: CommitRepair) -> list[str]:
    """What was found and done, a line each."""
    done = "" if report.applied else "would be "
    lines = [f"{address}: pending, {done}completed" for address in report.pending]
    if not report.refused:
        lines += [f"{address}: lost, {done}made again from the stream" for address in report.lost]
    else:
        lines += [f"{address}: lost" for address in report.lost] + [f"refused: {report.refused}"]
    return [f"commit {report.commit}: {line}" for line in lines or [f"all {report.files} files are readable"]]


def _chosen(commit: Commit, lost: Sequence[PendingFile], remade: Sequence[EncodedFile]) -> list[EncodedFile]:
    """Of the remade files those that were lost; all must be what the commit names."""
    named = {(file.table, file.partition, file.key, file.rows) for file in commit.files}
    if {(file.table, file.partition, file.key, file.rows) for file in remade} != named:
        raise RepairError(
            f"commit {commit.attempt_id}: its records give other files now than it names; "
            "run the version and the declaration that wrote it"
        )
    keys = {file.key for file in lost}
    return [file for file in remade if file.key in keys]


def _report(
    commit: Commit,
    pending: Sequence[PendingFile],
    lost: Sequence[PendingFile],
    *,
    applied: bool = False,
    refused: str = "",
) -> CommitRepair:
    return CommitRepair(
        commit=commit.attempt_id,
        files=len(commit.files),
        pending=tuple(_address(file) for file in pending if file not in lost),
        lost=tuple(_address(file) for file in lost),
        applied=applied,
        refused=refused,
    )


def _address(file: PendingFile) -> str:
    return f"s3://{file.bucket}/{file.key}"
