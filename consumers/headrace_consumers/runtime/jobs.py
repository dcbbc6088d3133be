"""Runs the core's jobs beside the loop: commits one at a time and in order, short look-ups a few at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from headrace_consumers.commit.committer import CommitOutcome, Committer
from headrace_consumers.commitlog.model import Link
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.recovery import OpenedShard, ShardOpener
from headrace_consumers.runtime.effects import Beat, CommitBatch, EndShard, Job, MarkGap, OpenShard

Result = OpenedShard | CommitOutcome | Tip | Link | None


@dataclass(frozen=True, slots=True)
class Workplace:
    """What jobs work with."""

    opener: ShardOpener
    committer: Committer

    def do(self, job: Job) -> Result:
        """Blocks on the network; raises what the job raises."""
        match job:
            case OpenShard():
                return self.opener.open(job.chain, job.checkpoint)
            case CommitBatch():
                return self.committer.commit(job.segments)
            case EndShard():
                return self.committer.end_shard(job.chain, job.tip)
            case MarkGap():
                return self.committer.mark_gap(job.chain, job.tip, job.end, job.reason)
            case Beat():
                self.committer.beat(job.chain, job.position)
                return None


class JobRunner:
    """Threads for jobs; `fileno()` becomes readable when `finished()` has something to give."""

    def __init__(self, do: Callable[[Job], Result]) -> None:
        self._do = do
        self._commits = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._others = ThreadPoolExecutor(4, thread_name_prefix="job")
        self._done: deque[tuple[Job, Future[Result]]] = deque()
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.running = 0

    def fileno(self) -> int:
        return self._event

    def submit(self, job: Job) -> None:
        pool = self._commits if isinstance(job, CommitBatch) else self._others
        self.running += 1
        pool.submit(self._do, job).add_done_callback(lambda future: self._finish(job, future))

    def finished(self) -> list[tuple[Job, Result]]:
        """Jobs that ended since the last call; raises what the first failed one raised."""
        try:
            os.eventfd_read(self._event)
        except BlockingIOError:
            return []
        results = []
        while self._done:
            job, future = self._done.popleft()
            self.running -= 1
            results.append((job, future.result()))
        return results

    def close(self) -> None:
        """Waits for no job: the process is about to end."""
        self._commits.shutdown(wait=False, cancel_futures=True)
        self._others.shutdown(wait=False, cancel_futures=True)

    def _finish(self, job: Job, future: Future[Result]) -> None:
        self._done.append((job, future))
        os.eventfd_write(self._event, 1)
