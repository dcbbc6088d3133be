"""What one more shard costs: a relay's resident memory, and the engine's growth from one idle shard to eight."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.engine.runs import PIPELINE, resident_bytes
from tests.fakes.daemon import initialize_line, records_line
from tests.fakes.engines import RunningEngine, running_engine
from tests.fakes.streams import shard_id

SHARDS = 8


@dataclass(frozen=True, slots=True)
class ShardMemory:
    """Bytes."""

    relay: int
    engine_growth: float
    """Per shard beyond the first."""

    @property
    def per_shard(self) -> float:
        return self.relay + self.engine_growth


def measure_shard_memory(output: Path) -> ShardMemory:
    """Shards are idle: opened, and told of empty reads."""
    with running_engine(PIPELINE, output, shards=SHARDS) as engine:
        with ExitStack() as stack:
            relays = [_open(engine, 0, stack)]
            first = resident_bytes(engine.pid)
            relays += [_open(engine, number, stack) for number in range(1, SHARDS)]
            growth = (resident_bytes(engine.pid) - first) / (SHARDS - 1)
            relay = max(resident_bytes(pid) for pid in relays)
        engine.end()
    return ShardMemory(relay, growth)


def _open(engine: RunningEngine, number: int, stack: ExitStack) -> int:
    daemon, relay = stack.enter_context(engine.shard())
    daemon.tell(initialize_line(shard_id(number)))
    daemon.tell(records_line([]))
    return relay.pid
