"""Starting the engine's process of `engine_child`, with shards fed through real relays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec

from headrace_consumers.runtime.job import ENGINE_ENVIRONMENT
from headrace_consumers.settings import BatchSettings
from tests.fakes.daemon import ShardDaemon, daemon_of, start_relay
from tests.fakes.engine_child import Plan, Usage

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class RunningEngine:
    """One engine process. Its output is complete once it has ended."""

    process: subprocess.Popen[bytes]
    plan: Plan

    @property
    def pid(self) -> int:
        return self.process.pid

    @contextmanager
    def shard(self) -> Iterator[tuple[ShardDaemon, subprocess.Popen[bytes]]]:
        """One relay and the daemon's side of it; at the end both pipes are closed and the relay has exited with 0."""
        with start_relay(self.plan.socket_path) as relay:
            daemon = daemon_of(relay)
            yield daemon, relay
            daemon.close()
            if code := relay.wait(30):
                raise AssertionError(f"the relay exited with {code}")

    def end(self) -> Usage:
        """Ends the control pipe, waits for the process, and tells what it used."""
        self.let_go()
        if code := self.process.wait(60):
            raise AssertionError(f"the engine exited with {code}")
        return usage_of(self.plan.output)

    def let_go(self) -> None:
        """Ends the control pipe only: the engine goes on until its shards are closed."""
        if self.process.stdin is not None:
            self.process.stdin.close()


def usage_of(folder: str) -> Usage:
    return msgspec.json.decode((Path(folder) / "usage.json").read_bytes(), type=Usage)


@contextmanager
def running_engine(
    pipeline: str, output: Path, *, batch: BatchSettings | None = None, shards: int = 1
) -> Iterator[RunningEngine]:
    """An engine that listens; killed at the end if it still runs."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hr-"))
        plan = Plan(
            socket_path=f"{directory}/engine.sock",
            output=str(output),
            pipeline=pipeline,
            batch=batch or BatchSettings(),
            shards=shards,
        )
        process = stack.enter_context(
            start_child("tests.fakes.engine_child", msgspec.json.encode(plan).decode(), env=ENGINE_ENVIRONMENT)
        )
        stack.callback(process.kill)
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            raise AssertionError("the engine did not start")
        yield RunningEngine(process, plan)


def start_child(module: str, *arguments: str, env: Mapping[str, str] = MappingProxyType({})) -> subprocess.Popen[bytes]:
    """One of our modules as a process with pipes; `env` beside this process's own."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env={**env, **os.environ})
