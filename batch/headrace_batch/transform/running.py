"""One run of a transform, and its commit: files of the partitions that were computed, in the place of those before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace_batch.committing import Draft, commit, new_attempt
from headrace_batch.known_transforms import note_transform
from headrace_batch.place import Place
from headrace_batch.transform.declare import Transform
from headrace_batch.transform.planning import Plan, is_of
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts
from headrace_consumers.lake.objects import PendingFile

Compute = Callable[[Plan, str], Sequence[PendingFile]]
"""Of a plan and an attempt id, the files that were uploaded and that no reader sees."""


def run(place: Place, transform: Transform, plan: Plan, compute: Compute, reason: str) -> Counts:
    """What was committed. Blocks until it is. Raises FencedError where another command changed what this one read."""
    attempt_id = new_attempt(place)
    note_transform(place, transform.name)
    files = tuple(compute(plan, attempt_id)) if plan.inputs else ()
    counts = Counts(rows=sum(file.rows for file in files))
    if files or plan.replaces:
        draft = Draft(
            attempt_id=attempt_id,
            kind=CommitKind.TRANSFORM,
            files=files,
            counts=counts,
            replaces=plan.replaced,
            record=reason,
        )
        commit(place, draft, plan.position, lambda other: goes_with(transform.name, other))
    return counts


def goes_with(name: str, other: Commit) -> bool:
    """Whether a run of this transform may still be committed behind this one: it took no rows that were read, and is
    no run of the same transform. Rows that it only adds are as rows that the stream brings meanwhile."""
    return not (
        other.kind is CommitKind.FORGET
        or other.retires
        or any(is_of(name, file) for file in other.files)
        or any(is_of(name, file) for file in other.replaces)
    )
