"""Opening a shard: the log is the authority, KCL's checkpoint only says from where records will come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from headrace_consumers.commit.attempts import new_attempt_id
from headrace_consumers.commit.completing import Pending, complete_standing
from headrace_consumers.commit.links import Stamp, terminal_link
from headrace_consumers.commit.segments import require_held
from headrace_consumers.commitlog.log import CommitLog, Fenced
from headrace_consumers.commitlog.model import Chain
from headrace_consumers.commitlog.tip import Tip, inherited, read_tip
from headrace_consumers.errors import ParentOpenError
from headrace_consumers.lake.objects import ObjectStore
from headrace_consumers.records import ROOT
from headrace_consumers.shards import Shard, StreamView

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedShard:
    """Where a shard goes on."""

    chain: Chain
    tip: Tip
    have_from: int
    """Delivery begins after this position; a link that starts before it is forbidden."""
    alive_ms: int
    """When the shard was last known to hold nothing unread after its tip; 0 where no link stands."""


@dataclass(frozen=True, slots=True)
class ShardOpener:
    """Reads a shard's place from the log, after completing what its newest commit left pending."""

    log: CommitLog
    store: ObjectStore
    stream: StreamView
    now_ms: Callable[[], int]
    engine_id: str
    pool: ThreadPoolExecutor | None = None
    """Completes files side by side; one after the other without it."""
    pending: Pending = lambda _commit, _files: None

    def open(self, chain: Chain, checkpoint: str) -> OpenedShard:
        """`checkpoint` is KCL's own text. Raises CheckpointAheadError, ParentOpenError, MissingFileError."""
        position = position_of(checkpoint)
        tip = read_tip(self.log, self.store, chain)
        if tip is None:
            return self._open_new(chain, position)
        require_held(chain, tip, position)
        self.complete_commit(chain, tip.attempt_id)
        alive_ms = max(tip.arrival_ms, self.log.last_beat(chain).at_ms)
        return OpenedShard(chain, tip, position, alive_ms)

    def complete_commit(self, chain: Chain, attempt_id: str) -> None:
        """Completes the files of the chain's newest commit, where their writer did not come to it."""
        commit = self.log.commit(chain.pipeline, chain.generation, attempt_id) if attempt_id else None
        if commit is not None:
            complete_standing(self.log, self.store, commit, self.pool, self.pending)

    def _open_new(self, chain: Chain, position: int) -> OpenedShard:
        require_held(chain, Tip(), position)
        self.log.register(chain)
        return OpenedShard(chain, inherited(self._parents(chain)), position, alive_ms=0)

    def _parents(self, chain: Chain) -> list[Tip]:
        shards = self.stream.shards()
        shard = shards.get(chain.shard_id)
        tips = [self._closed_tip(chain, parent, shards) for parent in (shard.parents if shard else ())]
        return [tip for tip in tips if tip is not None]

    def _closed_tip(self, child: Chain, parent: str, shards: Mapping[str, Shard]) -> Tip | None:
        """The parent's last word; None where KCL never gave us the parent, because it ended before our start."""
        chain = Chain(child.pipeline, child.generation, child.stream_created_ms, parent)
        tip = read_tip(self.log, self.store, chain)
        if tip is not None and tip.terminal:
            return tip
        if chain not in self.log.chains(chain.pipeline, chain.generation, chain.stream_created_ms):
            return None
        if parent in shards:
            raise ParentOpenError(
                f"shard {child.shard_id} was started, but the chain of its parent {parent} has no terminal link; "
                "check that no lease was edited, then `headrace-consumers adopt` the parent"
            )
        return self._close_forgotten(chain, tip or Tip())

    def _close_forgotten(self, chain: Chain, tip: Tip) -> Tip:
        self.complete_commit(chain, tip.attempt_id)
        stamp = Stamp(new_attempt_id(self.now_ms()), self.now_ms(), self.engine_id)
        reason = "the stream forgot the shard before its end was read"
        link = msgspec.structs.replace(terminal_link(chain, tip, (), stamp), reason=reason)
        outcome = self.log.append(None, [link], self.engine_id)
        if isinstance(outcome, Fenced):
            again = read_tip(self.log, self.store, chain)
            if again is not None and again.terminal:
                return again
            raise ParentOpenError(f"the chain of {chain.shard_id} moved on while its end was written; starting over")
        _log.error("a parent shard was forgotten by the stream before its end was read: records may be lost",
                   extra={"fields": {"shard_id": chain.shard_id, "position": str(tip.position)}})  # fmt: skip
        return tip.after(link, tip.lanes)


def position_of(checkpoint: str) -> int:
    """KCL's checkpoint as a position; TRIM_HORIZON, AT_TIMESTAMP, LATEST and SHARD_END are no numbers: the root."""
    return int(checkpoint) if checkpoint.isdecimal() else ROOT
