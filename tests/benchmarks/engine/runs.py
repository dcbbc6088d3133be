"""One run of each: the recording fed by this process, the work done and measured in another."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.benchmarks.engine.recording import Recording
from tests.fakes.daemon import ShardDaemon, daemon_of
from tests.fakes.engine_child import Usage
from tests.fakes.engines import running_engine, start_child, usage_of

PIPELINE = "tests.benchmarks.pipelines:without_windows"


def run_headrace(recording: Recording, output: Path, pipeline: str = PIPELINE) -> Usage:
    """Through a relay into the engine."""
    with running_engine(pipeline, output) as engine:
        with engine.shard() as (daemon, _):
            _feed(recording, daemon)
        return engine.end()


def run_stock(recording: Recording, output: Path) -> Usage:
    """Into KCLProcess on standard input."""
    with start_child("tests.benchmarks.engine.stock", str(output), PIPELINE) as process:
        daemon = daemon_of(process)
        _feed(recording, daemon)
        daemon.close()
        if code := process.wait(60):
            raise AssertionError(f"stock kclpy exited with {code}")
    return usage_of(str(output))


def _feed(recording: Recording, daemon: ShardDaemon) -> None:
    for line in recording.lines():
        daemon.tell(line)
    if not daemon.checkpoints:
        raise AssertionError("nothing was checkpointed")


def resident_bytes(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)
