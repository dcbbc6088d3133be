"""A file in the place of one that landed before: the rows of that one leave in the commit that brings its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from headrace_batch.place import Place
from headrace_batch.rewriting import Rewritten, without_commits
from headrace_consumers.commitlog.model import Commit, CommitKind
from headrace_consumers.landing import LandingSource
from headrace_producers.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Leaving:
    """What leaves; nothing where a file only adds rows."""

    position: int
    """Of the batch chain, when this was planned."""
    retires: tuple[str, ...] = ()
    rewritten: Rewritten = field(default_factory=Rewritten)

    def goes_with(self) -> Callable[[Commit], bool]:
        """Whether both may stand: rows that a file adds depend on nothing, those that leave must be as they were."""
        ours = {(one.bucket, one.key) for one in self.rewritten.replaces}
        retired = {*self.retires}

        def goes_with(other: Commit) -> bool:
            return not (
                retired.intersection(other.retires)
                or retired.intersection(other.letters_of)
                or any(one.commit_id in retired or (one.bucket, one.key) in ours for one in other.replaces)
            )

        return goes_with


def leaving(place: Place, source: LandingSource, commit_id: str, attempt_id: str) -> Leaving:
    """Blocks on the network. Raises SettingsError where the commit is none that may be replaced by this source's."""
    if not commit_id:
        return Leaving(place.chain.position())
    standing = place.standing()
    found = standing.commits.get(commit_id)
    if found is None:
        said = "was taken out before" if commit_id in standing.retired else "is not in the log"
        raise SettingsError(f"commit {commit_id} {said}: name the one that `land` told of the file to be replaced")
    if found.kind is not CommitKind.LANDING or source.table.contract.type not in found.contracts:
        raise SettingsError(f"commit {commit_id} landed no file of table {source.table.name}: it stays")
    return Leaving(standing.position, (commit_id,), without_commits(place, standing, (commit_id,), attempt_id))
