"""What waits to be sent, per shard: a queue whose first pack alone may be attempted.

So a lane has at most one unsettled pack in flight, numbers arrive in order, and events of a key keep theirs. Packs of a
spool's earlier owners stand in the same queues, before the new ones.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable

from headrace_producers.clock import Instant
from headrace_producers.packs import Pack
from headrace_producers.settings import MAX_KEY_BYTES, ProducerSettings


class Lanes:
    """Queues by shard at packing. Knows neither threads nor clients."""

    def __init__(self, settings: ProducerSettings, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._queues: dict[str, deque[Pack]] = {}

    def add(self, packs: Iterable[Pack]) -> None:
        for pack in packs:
            self._queues.setdefault(pack.lane.shard_id, deque()).append(pack)

    def is_idle(self, shard_id: str) -> bool:
        return shard_id not in self._queues

    def expired(self, now: Instant) -> list[Pack]:
        """Heads that may never be sent again: the consumers could have forgotten their lane by now."""
        limit_s = self._settings.resend_limit_s
        heads = [queue[0] for queue in self._queues.values()]
        return [pack for pack in heads if pack.first_attempt and pack.first_attempt.age_at(now) >= limit_s]

    def due(self, now: Instant) -> list[Pack]:
        """The heads to attempt now, the longest due first, as many as one call takes."""
        heads = sorted((queue[0] for queue in self._queues.values()), key=lambda pack: pack.due_s)
        chosen: list[Pack] = []
        room_bytes = self._settings.max_call_bytes
        for pack in heads[: self._settings.max_call_records]:
            room_bytes -= pack.size_bytes + MAX_KEY_BYTES
            if pack.due_s > now.boot_s or room_bytes < 0:
                break
            chosen.append(pack)
        return chosen

    def next_due_s(self) -> float | None:
        return min((queue[0].due_s for queue in self._queues.values()), default=None)

    def settle(self, pack: Pack) -> None:
        """The pack's end is known: the next of its queue may go."""
        queue = self._queues[pack.lane.shard_id]
        if queue.popleft() is not pack:
            raise AssertionError("only the first pack of a lane can be settled")
        if not queue:
            del self._queues[pack.lane.shard_id]

    def postpone(self, pack: Pack, now: Instant) -> None:
        """Another attempt of the very same bytes and keys, later."""
        longest_s = min(self._settings.retry_max_s, self._settings.retry_initial_s * 2.0 ** min(pack.attempts - 1, 30))
        pack.due_s = now.boot_s + longest_s * self._rng.uniform(0.5, 1.0)

    def oldest_ordinal(self) -> int | None:
        return min((queue[0].ordinal for queue in self._queues.values()), default=None)

    def abandon(self) -> list[Pack]:
        """All that is still here, in order."""
        packs = [pack for queue in self._queues.values() for pack in queue]
        self._queues.clear()
        return packs
