"""The contract of the commit log, whatever table keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from headrace_consumers.commitlog.model import Chain, Commit, Link, Rewind

MAX_LINKS = 98
"""DynamoDB takes 100 items a transaction; a commit and the generation check are the other two."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The commit and all its links stand."""


@dataclass(frozen=True, slots=True)
class Fenced:
    """Links of other attempts stand where ours were to begin; nothing of ours was written."""

    standing: Mapping[str, Link]
    """Shard id to the link that was read at our start."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A shard's sign of life: at `at_ms` nothing was unread after `position`, the tip of its chain."""

    at_ms: int = 0
    position: int = -1
    """Below the root where no beat says it."""


class CommitLog(Protocol):
    """One table, consistent reads, one transaction per commit. Every call may block on the network and
    raises TransientError when retries are used up, NewerFormatError when an item is of a newer format, MissingFileError
    when an object is gone that lists a commit's files. Commits come whole, wherever their files are listed."""

    def append(
        self, commit: Commit | None, links: Sequence[Link], engine_id: str, generation: int | None = None
    ) -> Committed | Fenced:
        """Writes all or nothing, under the condition that no link stands at any of the starts and that the
        generation is still ours (else GenerationRaisedError). `commit` is None for gap and terminal links.
        Repeating a call with the same attempt id is safe, however the first one ended. Links of batch belong to no
        generation: `generation` is then the one that their commit was made in, and the same attempt may be tried
        again at a later start."""
        ...

    def newest_links(self, chain: Chain) -> Iterator[Link]:
        """The chain from its tip backwards; empty where no link stands."""
        ...

    def links_after(self, chain: Chain, position: int) -> Iterator[Link]:
        """The links that start at or after `position`, oldest first."""
        ...

    def link_at(self, chain: Chain, start: int) -> Link | None: ...

    def commit(self, pipeline: str, generation: int, attempt_id: str) -> Commit | None: ...

    def replace_files(self, old: Commit, new: Commit) -> bool:
        """Puts `new` where exactly `old` stands: for files that were lost and made again. False, with nothing
        written, where another commit item stands there. Safe to repeat."""
        ...

    def expire(self, link: Link, *, with_commit: bool) -> None:
        """Deletes the link, and with it, in one transaction, its commit, where no other link names that any more; then
        the object that lists the commit's files. Safe to repeat."""
        ...

    def register(self, chain: Chain) -> None:
        """Lists the chain among its pipeline's; safe to repeat."""
        ...

    def chains(self, pipeline: str, generation: int, stream_created_ms: int) -> list[Chain]:
        """Every chain that a worker ever opened, whether or not a link stands on it."""
        ...

    def generation(self, pipeline: str) -> int:
        """The pipeline's generation; the first caller of all begins with 1."""
        ...

    def raise_generation(self, rewind: Rewind) -> Rewind:
        """Ends the generation before and writes the rewind's record, in one transaction: from then on nobody commits
        in the old one. Gives the record that stands, which is another's where that came first. Safe to repeat."""
        ...

    def rewind(self, pipeline: str, generation: int) -> Rewind | None:
        """What began this generation; None of the first."""
        ...

    def open_generation(self, rewind: Rewind) -> None:
        """Lets workers begin. Safe to repeat."""
        ...

    def start_position(self, pipeline: str, wanted: str, generation: int = 1) -> str:
        """Where this generation begins to read the stream, written once: `wanted` of the first caller wins for
        ever."""
        ...

    def mark(self, pipeline: str, name: str, text: str) -> None:
        """Notes how far somebody is, for others to look at; replaces what was noted before."""
        ...

    def marks(self, pipeline: str) -> dict[str, str]:
        """All that is noted, by name."""
        ...

    def beat(self, chain: Chain, beat: Beat) -> None:
        """Notes that the shard was alive and had nothing after its tip; replaces the beat before."""
        ...

    def last_beat(self, chain: Chain) -> Beat:
        """The newest beat; `Beat()` of a chain that never had one."""
        ...
