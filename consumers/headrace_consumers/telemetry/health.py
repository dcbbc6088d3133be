"""Is the engine alive and moving? Pure functions of what its loop last saw, and of limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the engine's loop saw at `taken_s`. Times are seconds of the monotonic clock."""

    taken_s: float
    shards: int = 0
    passive_shards: int = 0
    held_bytes: int = 0
    lag_ms: int = 0
    """The greatest of all shards."""
    in_hand_since_s: float | None = None
    """Since when the oldest unanswered message waits; None while none does."""
    batch_since_s: float | None = None
    """Since when the batch in flight is being committed; None while none is."""
    heard_s: float = 0.0
    """When the daemon last said anything about the shard that has been silent longest."""
    progress_s: float = 0.0
    """When records last came or a commit last ended; the start of the engine before that."""
    moved_s: float = 0.0
    """When a file was last uploaded or completed."""

    @property
    def batch_age_s(self) -> float:
        return 0.0 if self.batch_since_s is None else self.taken_s - self.batch_since_s


class State(StrEnum):
    STARTING = "starting"
    HEALTHY = "healthy"
    LOOP_STUCK = "loop_stuck"
    BATCH_IN_HAND = "batch_in_hand"
    MESSAGE_IN_HAND = "message_in_hand"
    DAEMON_SILENT = "daemon_silent"
    LAG_WITHOUT_PROGRESS = "lag_without_progress"


_WELL = frozenset({State.STARTING, State.HEALTHY})


@dataclass(frozen=True, slots=True)
class Health:
    state: State
    sentence: str

    @property
    def well(self) -> bool:
        """A worker without a lease is well: there may be more workers than shards."""
        return self.state in _WELL


def judge(seen: Snapshot | None, now_s: float, limit_s: float) -> Health:
    """The first thing that has stood still for longer than `limit_s`."""
    if seen is None:
        return Health(State.STARTING, "the engine has not begun yet")
    looks = (_loop,) if _moves(seen, now_s, limit_s) else (_loop, _batch, _shards)
    for stalled in (look(seen, now_s, limit_s) for look in looks):
        if stalled is not None:
            return stalled
    if not seen.shards:
        return Health(State.STARTING, "no shard is leased to this worker yet")
    return Health(State.HEALTHY, f"{seen.shards} shards, at most {seen.lag_ms} ms behind")


def judge_steps(held_back_by: str | None, age_s: float, limit_s: float) -> Health:
    """Of the windows service, `age_s` after its newest step or its start; None before the first step has ended."""
    if age_s > limit_s:
        return Health(State.LOOP_STUCK, f"no step has ended for {age_s:.0f} s: is S3 or DynamoDB away?")
    if held_back_by is None:
        return Health(State.STARTING, "the first step has not ended yet")
    said = f"shard {held_back_by} is furthest behind" if held_back_by else "there is no shard yet"
    return Health(State.HEALTHY, said)


def _moves(seen: Snapshot, now_s: float, limit_s: float) -> bool:
    """One commit takes long, for it has very many files, and they move: what waits for it waits with reason. Half the
    limit, so that whatever stopped when the buffer was full, before the batch began, is excused in time."""
    return seen.batch_age_s > limit_s / 2 and now_s - seen.moved_s <= limit_s


def _loop(seen: Snapshot, now_s: float, limit_s: float) -> Health | None:
    age_s = now_s - seen.taken_s
    if age_s <= limit_s:
        return None
    return Health(State.LOOP_STUCK, f"the engine's loop has not come round for {age_s:.0f} s")


def _batch(seen: Snapshot, now_s: float, limit_s: float) -> Health | None:
    if seen.batch_since_s is not None and (age_s := now_s - seen.batch_since_s) > limit_s:
        return Health(State.BATCH_IN_HAND, f"a batch has been in hand for {age_s:.0f} s: is S3 or DynamoDB away?")
    if seen.in_hand_since_s is not None and (age_s := now_s - seen.in_hand_since_s) > limit_s:
        return Health(State.MESSAGE_IN_HAND, f"a message of the daemon has waited for {age_s:.0f} s for its answer")
    return None


def _shards(seen: Snapshot, now_s: float, limit_s: float) -> Health | None:
    if not seen.shards:
        return None
    if (age_s := now_s - seen.progress_s) > limit_s and seen.lag_ms > 0:
        return Health(State.LAG_WITHOUT_PROGRESS, f"{seen.lag_ms} ms behind, and nothing has moved for {age_s:.0f} s")
    if (age_s := now_s - seen.heard_s) > limit_s:
        return Health(State.DAEMON_SILENT, f"the daemon has said nothing about a leased shard for {age_s:.0f} s")
    return None
