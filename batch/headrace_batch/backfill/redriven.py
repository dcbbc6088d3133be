"""Letters that were mended: their events are in the lake already, by their own positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from headrace_batch.backfill.leaving_out import POSITION, POSITIONS
from headrace_batch.backfill.planning import Unit
from headrace_batch.committing import find_commit
from headrace_batch.place import Place
from headrace_batch.rewriting import StandingFile, opened_file
from headrace_consumers.commitlog.model import Commit, CommitKind
from headrace_consumers.commitlog.standing import Standing


def redrives_of(standing: Standing, unit: Unit) -> frozenset[str]:
    """The redrives that mended letters of what this unit stages, whichever commit the letters stood in then."""
    return frozenset(
        commit.attempt_id
        for commit in standing.commits.values()
        if commit.kind is CommitKind.REDRIVE
        and any(_heir(standing, source) in unit.retires or source in unit.commits for source in commit.letters_of)
    )


def _heir(standing: Standing, commit_id: str) -> str:
    """The commit that stands in this one's place."""
    while commit_id in standing.retired:
        commit_id = standing.retired[commit_id]
    return commit_id


@dataclass(frozen=True)
class RedrivenPositions:
    """Reads each redrive's files once. Blocks on the network."""

    place: Place
    _found: dict[str, pa.Table] = field(default_factory=dict)

    def of(self, standing: Standing, redrives: frozenset[str]) -> pa.Table:
        """`POSITIONS` of all that these redrives brought, rows and new letters alike."""
        for commit_id in redrives - self._found.keys():
            tables = [self._positions(one, commit_id) for one in self._files(standing, standing.commits[commit_id])]
            self._found[commit_id] = pa.concat_tables([POSITIONS.empty_table(), *tables])
        return pa.concat_tables([POSITIONS.empty_table(), *(self._found[commit_id] for commit_id in sorted(redrives))])

    def _files(self, standing: Standing, commit: Commit) -> Iterator[StandingFile]:
        """Its own, and where some of these were compacted, those that may have their rows now."""
        pipeline = self.place.pipeline
        tables = {*(table.name for table in pipeline.tables), pipeline.dead_letter_table}
        yield from (StandingFile(commit, file) for file in commit.files if file.table in tables)
        whole = find_commit(self.place, commit.attempt_id) or commit
        lost = {(file.table, file.partition) for file in whole.files if file not in commit.files}
        for other in standing.commits.values():
            if other.attempt_id != commit.attempt_id:
                found = (file for file in other.files if file.rewritten and (file.table, file.partition) in lost)
                yield from (StandingFile(other, file) for file in found)

    def _positions(self, source: StandingFile, commit_id: str) -> pa.Table:
        """The redrive may not have come to completing the file."""
        rows = opened_file(self.place, source).read([*POSITION, "commit_id"])
        return rows.filter(pc.equal(rows["commit_id"], commit_id)).select(POSITION).cast(POSITIONS)
