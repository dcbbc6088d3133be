"""Random schedules over the simulated world: one action a step, drawn by hypothesis, so that failures shrink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from headrace_consumers.settings import BatchSettings
from tests.fakes.steps import Steps
from tests.faults.simulation import Worker, World

MAX_WORKERS = 2
MAX_SHARDS = 6


@dataclass(frozen=True)
class Action:
    """One step: a verb, and numbers that choose its objects among those there are."""

    verb: str
    first: int = 0
    second: int = 0


VERBS = (
    "put",
    "put",
    "put",
    "put_twice",
    "take",
    "take",
    "gather",
    "gather",
    "gather",
    "gather",
    "work",
    "work",
    "work_one",
    "lease",
    "crash_next",
    "crash_next",
    "lose_answer",
    "refuse",
    "lose",
    "end",
    "split",
    "merge",
    "shut_down",
    "refuse_checkpoint",
)

numbers = st.integers(0, 11)
actions = st.lists(st.builds(Action, st.sampled_from(VERBS), numbers, numbers), min_size=10, max_size=60)
batch_settings = st.builds(
    BatchSettings,
    max_batch_age_s=st.just(5.0),
    max_batch_rows=st.sampled_from([1, 3, 1_000]),
    max_batch_partitions=st.sampled_from([1, 64]),
)


class Schedule:
    """Applies actions to a world; checks readers after each."""

    def __init__(self, batch: BatchSettings) -> None:
        self.world = World()
        self._batch = batch
        self.world.add_shard()

    def run(self, script: list[Action]) -> World:
        for action in script:
            verb: Callable[[Action], None] = getattr(self, f"_{action.verb}")
            verb(action)
            self.world.check_readers()
        self.world.drain()
        self.world.check_complete()
        return self.world

    def _worker(self, number: int) -> Worker:
        workers = list(self.world.workers.values())
        if number % MAX_WORKERS >= len(workers):
            return self.world.start_worker(Steps(), self._batch)
        return workers[number % MAX_WORKERS]

    def _open_shard(self, number: int) -> str:
        shards = [shard_id for shard_id, shard in self.world.listed.items() if not shard.closed]
        return shards[number % len(shards)]

    def _put(self, action: Action) -> None:
        self.world.put_pack(self._open_shard(action.first), events=1 + action.second % 3)

    def _put_twice(self, action: Action) -> None:
        self.world.put_pack(self._open_shard(action.first), times=2)

    def _lease(self, action: Action) -> None:
        worker = self._worker(action.first)
        leases = worker.leases
        free = [shard for shard, lease in leases.items() if not lease.ended and self.world.may_start(shard, leases)]
        shard_id = free[action.second % len(free)] if free else ""
        if shard_id and shard_id not in worker.pipes:
            worker.lease(shard_id)

    def _take(self, action: Action) -> None:
        """Leases all that may be read, from whomever, and opens it; the losers are not told."""
        worker = self._worker(action.first)
        for shard_id, lease in worker.leases.items():
            if not lease.ended and shard_id not in worker.pipes and self.world.may_start(shard_id, worker.leases):
                worker.lease(shard_id)
        worker.work()

    def _gather(self, action: Action) -> None:
        """Delivers what there is, and lets the batch close; its commit waits for `work`."""
        worker = self._worker(action.first)
        for shard_id in list(worker.pipes):
            worker.deliver(shard_id, 1 + action.second)
        self.world.now_s += 6.0
        worker.tick()

    def _work(self, action: Action) -> None:
        self._worker(action.first).work()

    def _work_one(self, action: Action) -> None:
        self._worker(action.first).work(1)

    def _crash_next(self, action: Action) -> None:
        """The worker dies at one of the next calls it makes, before or after the effect."""
        worker = self._worker(action.first)
        worker.steps.crash_at = 2 * worker.steps.calls + 2 * action.second + action.first % 2

    def _lose_answer(self, action: Action) -> None:
        steps = self._worker(action.first).steps
        steps.lost_answers |= {steps.calls + action.second}

    def _refuse(self, action: Action) -> None:
        steps = self._worker(action.first).steps
        steps.refused |= {steps.calls + action.second}

    def _lose(self, action: Action) -> None:
        worker = self._worker(action.first)
        for shard_id in list(worker.pipes):
            if worker.leases[shard_id].owner != worker.number:
                worker.lose(shard_id)

    def _end(self, action: Action) -> None:
        worker = self._worker(action.first)
        for shard_id in list(worker.pipes):
            if self.world.listed[shard_id].closed:
                worker.end(shard_id)

    def _split(self, action: Action) -> None:
        if len(self.world.records) < MAX_SHARDS:
            self.world.split(self._open_shard(action.first))

    def _merge(self, _action: Action) -> None:
        """Two shards whose hash ranges touch."""
        if len(self.world.records) >= MAX_SHARDS:
            return
        shards = [shard for shard in self.world.listed.values() if not shard.closed]
        for left in shards:
            for right in shards:
                if left.last_hash + 1 == right.first_hash:
                    self.world.merge(left.shard_id, right.shard_id)
                    return

    def _shut_down(self, action: Action) -> None:
        worker = self._worker(action.first)
        worker.shut_down()
        worker.work()

    def _refuse_checkpoint(self, action: Action) -> None:
        self._worker(action.first).checkpoint_errors.append("ThrottlingException")
