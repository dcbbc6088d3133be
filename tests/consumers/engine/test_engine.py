"""The engine's process over real relays and pipes, with S3 and DynamoDB in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_consumers.runtime.shard import RECORD_OVERHEAD_BYTES
from headrace_consumers.settings import MIB, BatchSettings
from headrace_producers.contracts.column import MAX_TEXT_BYTES
from tests.consumers.engine.pulses import ARRIVAL_MS, EVENT, REFERENCE
from tests.fakes.daemon import SHUTDOWN_LINE, initialize_line, record_of, records_line
from tests.fakes.engines import running_engine
from tests.fakes.streams import shard_id


def _line(payloads: Iterable[bytes], first: int) -> bytes:
    return records_line([record_of(data, "key", first + place, ARRIVAL_MS) for place, data in enumerate(payloads)])


def _event(size: int) -> bytes:
    """No text of a contract is longer than 64 KB: an event that is has a member that the contract does not know."""
    if size <= MAX_TEXT_BYTES:
        return EVENT[:-3] + b"x" * (size - len(EVENT) + 1) + b'"}'
    head = EVENT[:-1] + b',"unknown":"'
    return head + b"x" * (size - len(head) - 2) + b'"}'


def _rows(output: Path) -> pa.Table:
    files = sorted((output / "processed" / "pulses").rglob("*.parquet"))
    return pa.concat_tables([pq.ParquetFile(file).read() for file in files])


def _ids(output: Path) -> list[str]:
    return sorted(_rows(output)["event_id"].to_pylist(), key=lambda text: (text.split("/")[0], int(text.split("/")[1])))


def test_what_is_delivered_is_committed_and_then_checkpointed(tmp_path: Path) -> None:
    """A shutdown commits all that was acknowledged, checkpoints the last record, and the process ends with success."""
    with running_engine(REFERENCE, tmp_path) as engine:
        with engine.shard() as (daemon, _):
            daemon.tell(initialize_line(shard_id(0)))
            for first in (1, 11, 21):
                daemon.tell(_line([EVENT] * 10, first))
            daemon.tell(SHUTDOWN_LINE)
        engine.end()
    assert daemon.checkpoints[-1] == "30"
    assert _ids(tmp_path) == [f"{shard_id(0)}/{number}/0" for number in range(1, 31)]


def test_a_pipe_that_ends_early_checkpoints_nothing(tmp_path: Path) -> None:
    """A daemon that dies leaves what was only held to the next owner: no checkpoint, no half of a commit."""
    with running_engine(REFERENCE, tmp_path) as engine:
        with engine.shard() as (daemon, _):
            daemon.tell(initialize_line(shard_id(0)))
            daemon.tell(_line([EVENT] * 10, 1))
        engine.end()
    assert daemon.checkpoints == []
    assert not list(tmp_path.rglob("*.parquet"))


def test_the_end_of_the_control_pipe_waits_for_open_shards(tmp_path: Path) -> None:
    """The engine is told to finish first; shards that are still open are served until the daemon closes them."""
    with running_engine(REFERENCE, tmp_path) as engine:
        with engine.shard() as (daemon, _):
            daemon.tell(initialize_line(shard_id(0)))
            engine.let_go()
            daemon.tell(_line([EVENT], 1))
            daemon.tell(SHUTDOWN_LINE)
            assert engine.process.poll() is None
        engine.end()
    assert daemon.checkpoints == ["1"]
    assert len(_ids(tmp_path)) == 1


def test_a_batch_of_corrupt_events_is_committed_as_letters(tmp_path: Path) -> None:
    """200,000 bad lines in one delivery become 200,000 letters, and the shard goes on."""
    bad, count = EVENT[:-1] + b"\n", 1_000
    with running_engine(REFERENCE, tmp_path) as engine:
        with engine.shard() as (daemon, _):
            daemon.tell(initialize_line(shard_id(0)))
            daemon.tell(_line([bad * count] * 200, 1))
            daemon.tell(SHUTDOWN_LINE)
        engine.end()
    [file] = (tmp_path / "processed" / "pulses_dead_letters").rglob("*.parquet")
    letters = pq.ParquetFile(file).read()
    assert letters.num_rows == 200 * count
    assert set(letters["reason"].to_pylist()) == {"truncated_json"}
    assert daemon.checkpoints[-1] == "200"


SMALL = BatchSettings(max_batch_bytes=16 * MIB, max_buffer_bytes=16 * MIB)
SHARDS = 3
BASE_BYTES = 64 * MIB
"""What Arrow and the allocators keep, whatever the batch."""
COPIES = 5
"""Of what is held, at most, while it is parsed and encoded. Measured: none beyond the base for tiny records, 2 for
small ones, and 4 for events of a megabyte."""


@pytest.mark.parametrize(
    ("size", "count", "lines"),
    [(len(EVENT), 10_000, 6), (100, 100_000, 2), (1_000_000, 10, 4)],
    ids=["10,000 tiny records a line", "10 MB of 100-byte records a line", "events of 1 MB"],
)
def test_memory_follows_the_setting(tmp_path: Path, size: int, count: int, lines: int) -> None:
    """With a small budget all is committed exactly once, and memory stays under what budget and lines explain: what is
    held (the budget, and one line of each shard), its line on the way in, the copies of one batch on the way out."""
    payloads: list[Any] = [_event(size)] * count
    with running_engine(REFERENCE, tmp_path, batch=SMALL, shards=SHARDS) as engine:
        idle_bytes = psutil.Process(engine.pid).memory_info().rss
        for shard in range(SHARDS):
            with engine.shard() as (daemon, _):
                daemon.tell(initialize_line(shard_id(shard)))
                for number in range(lines):
                    daemon.tell(_line(payloads, 1 + number * count))
                daemon.tell(SHUTDOWN_LINE)
                assert daemon.checkpoints[-1] == str(lines * count)
        used = engine.end()
    assert len(set(_ids(tmp_path))) == len(_ids(tmp_path)) == SHARDS * lines * count
    held_bytes = SMALL.max_buffer_bytes + count * (size + RECORD_OVERHEAD_BYTES)
    assert used.peak_rss_bytes - idle_bytes < BASE_BYTES + COPIES * held_bytes + len(_line(payloads, 1))
