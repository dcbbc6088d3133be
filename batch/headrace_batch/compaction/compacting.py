"""Compaction: one commit for each file that many become.

Theory of operation. A commit names the files that it replaces, and the file that has their rows, each with the commit
that brought it. It stands at its place in the chain only if nobody took rows or files out since it was planned. New
files are completed first and the old ones deleted then: readers of bare paths may see both for seconds. A command that
dies leaves whole commits, and what it had not come to; the next one goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from headrace_batch.committing import Draft, commit, new_attempt, settle, upload
from headrace_batch.compaction.merging import merged
from headrace_batch.compaction.planning import Group, Rules, left_alone, plan, sort_keys
from headrace_batch.followers import passed_by_loader
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Commit, CommitKind, Counts


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one group; in a dry run, what would."""

    table: str
    partition: str
    origin: str
    files: int
    rows: int
    bytes_before: int
    bytes_after: int = 0
    commit_id: str = ""


def compact(place: Place, rules: Rules, now_ms: int, *, no_loader: bool, dry_run: bool) -> Iterator[Compacted]:
    """Until nothing is left to be made one: what was merged once may be small still, and fit with another. Raises
    FencedError where another command was faster, SettingsError."""
    if dry_run:
        yield from map(_told, groups(place, rules, now_ms, no_loader=no_loader))
        return
    settle(place)
    while found := groups(place, rules, now_ms, no_loader=no_loader):
        position = place.chain.position()
        for group in found:
            yield compact_group(place, group, position)


def groups(place: Place, rules: Rules, now_ms: int, *, no_loader: bool) -> list[Group]:
    standing = place.standing()
    return plan(place, standing, rules, passed_by_loader(place, standing, no_loader=no_loader), now_ms)


def why_nothing(place: Place, rules: Rules, now_ms: int, *, no_loader: bool) -> str:
    """Where no group was found: what keeps the files that there are."""
    standing = place.standing()
    is_passed = passed_by_loader(place, standing, no_loader=no_loader)
    return left_alone(place.pipeline, standing, rules, is_passed, now_ms) or "there are no files"


def compact_group(place: Place, group: Group, position: int) -> Compacted:
    """`position` is the batch chain's end of the log by which the group was planned, or an earlier one."""
    attempt_id = new_attempt(place)
    new = merged(place, group, sort_keys(place.pipeline)[group.table], attempt_id)
    draft = Draft(
        attempt_id=attempt_id,
        kind=CommitKind.COMPACTION,
        files=upload(place, [new.file], attempt_id),
        counts=Counts(rows=new.file.rows),
        replaces=tuple(source.replaced for source in group.sources),
    )
    commit(place, draft, position, leaves_alone(draft, new.held))
    return msgspec.structs.replace(_told(group), bytes_after=len(new.file.body), commit_id=attempt_id)


def leaves_alone(draft: Draft, held: frozenset[str]) -> Callable[[Commit], bool]:
    """Whether another commit took out neither rows that ours has nor files that ours replaces."""
    ours = {(one.bucket, one.key) for one in draft.replaces}

    def goes_with(other: Commit) -> bool:
        return not held & set(other.retires) and not any((one.bucket, one.key) in ours for one in other.replaces)

    return goes_with


def _told(group: Group) -> Compacted:
    return Compacted(
        table=group.table,
        partition=group.partition,
        origin=group.origin.value,
        files=len(group.sources),
        rows=group.rows,
        bytes_before=group.bytes,
    )
