"""The engine's loop: the daemon's pipes of all shards, read in one thread; jobs in others; the core decides."""

from __future__ import annotations

import fcntl
import itertools
import os
import selectors
import time
from dataclasses import dataclass
from functools import partial

from headrace_consumers.runtime.core import EngineCore, Moment
from headrace_consumers.runtime.effects import Answer, Checkpoint, CommitBatch, EndShard, Job, MarkGap, OpenShard
from headrace_consumers.runtime.handoff import HandoffListener, ShardPipes
from headrace_consumers.runtime.jobs import JobRunner, Result
from headrace_consumers.runtime.multilang import Message, decode_message, encode_checkpoint, encode_status
from headrace_consumers.runtime.observer import Observer
from headrace_consumers.runtime.pipe_lines import PipeLines, SpareBuffer

TICK_S = 0.1
PIPE_BYTES = 1 << 20


@dataclass(slots=True)
class _Pipe:
    number: int
    """Never used twice, unlike a descriptor: a late job must not find another shard."""
    pipes: ShardPipes
    lines: PipeLines
    reading: bool = False


def now() -> Moment:
    return Moment(time.monotonic(), time.time_ns() // 1_000_000)


class Engine:
    """Runs until the control pipe ends and the daemon has closed every shard's pipe. Whatever is raised here, or in a
    job, ends the process without a checkpoint: the log stays the truth, and the supervisor starts anew."""

    def __init__(
        self,
        core: EngineCore,
        jobs: JobRunner,
        listener: HandoffListener,
        control_fd: int,
        observer: Observer,
    ) -> None:
        self._core = core
        self._jobs = jobs
        self._listener = listener
        self._control_fd = control_fd
        self._observer = observer
        self._pipes: dict[int, _Pipe] = {}
        self._spare = SpareBuffer()
        self._numbers = itertools.count(1)
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    def run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._jobs, selectors.EVENT_READ, self._collect)
        self._selector.register(self._control_fd, selectors.EVENT_READ, self._control)
        try:
            while not (self._stopping and not self._pipes and not self._jobs.running):
                self._turn()
        finally:
            self._jobs.close()
            self._selector.close()

    def _turn(self) -> None:
        for key, _ in self._selector.select(TICK_S):
            key.data()
        moment = now()
        self._core.tick(moment)
        self._perform()
        self._admit()
        self._observer.turned(self._core, moment)

    def _accept(self) -> None:
        handed = self._listener.accept()
        if handed is None:
            return
        os.set_blocking(handed.read_fd, False)
        _widen(handed.read_fd)
        pipe = _Pipe(next(self._numbers), handed, PipeLines(handed.read_fd, self._spare))
        self._pipes[pipe.number] = pipe

    def _admit(self) -> None:
        """Reads from the pipes that the budget admits, and from no others."""
        for pipe in self._pipes.values():
            wanted = self._core.may_read(pipe.number)
            if wanted and not pipe.reading:
                self._selector.register(pipe.pipes.read_fd, selectors.EVENT_READ, partial(self._read, pipe))
                pipe.reading = True
            elif not wanted:
                self._pause(pipe)

    def _pause(self, pipe: _Pipe) -> None:
        if pipe.reading:
            self._selector.unregister(pipe.pipes.read_fd)
            pipe.reading = False

    def _read(self, pipe: _Pipe) -> None:
        for line in pipe.lines.read():
            self._receive(pipe, decode_message(line), now())
        if pipe.lines.ended:
            self._close(pipe)
            return
        self._perform()

    def _receive(self, pipe: _Pipe, message: Message, moment: Moment) -> None:
        self._core.receive(pipe.number, message, moment)
        self._observer.heard(pipe.number, self._core.shards[pipe.number].shard_id, message, moment)

    def _close(self, pipe: _Pipe) -> None:
        self._pause(pipe)
        del self._pipes[pipe.number]
        if (shard := self._core.closed(pipe.number)) is not None:
            self._observer.closed(pipe.number, shard.shard_id)
        # Both ends first: the daemon waits for end-of-file before it reaps the relay.
        pipe.pipes.close_pipes()
        pipe.pipes.release(0)

    def _control(self) -> None:
        if not os.read(self._control_fd, 4096):
            self._selector.unregister(self._control_fd)
            self._stopping = True

    def _collect(self) -> None:
        for job, result in self._jobs.finished():
            self._tell(job, result)
            self._observer.finished(job, result, now())
        self._perform()

    def _tell(self, job: Job, result: Result) -> None:
        core, moment = self._core, now()
        match job:
            case OpenShard():
                core.opened(job, result, moment)  # type: ignore[arg-type]  # Workplace.do pairs job and result
            case CommitBatch():
                core.batch_finished(job, result, moment)  # type: ignore[arg-type]
            case EndShard():
                core.shard_ended(job, result, moment)  # type: ignore[arg-type]
            case MarkGap():
                core.gap_marked(job, result, moment)  # type: ignore[arg-type]

    def _perform(self) -> None:
        for effect in self._core.drain():
            match effect:
                case Answer():
                    self._write(effect.pipe, encode_status(effect.response_for))
                case Checkpoint():
                    self._write(effect.pipe, encode_checkpoint(effect.sequence_number))
                case _:
                    self._jobs.submit(effect)

    def _write(self, number: int, line: bytes) -> None:
        """The daemon reads as long as it waits for us, so this does not block; its end is no error here."""
        pipe = self._pipes.get(number)
        if pipe is None:
            return
        try:
            os.write(pipe.pipes.write_fd, line)
        except BrokenPipeError:
            return


def _widen(fd: int) -> None:
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        return  # the user's pipe quota is spent; a narrow pipe is only slower
