"""Reading a stretch of a shard again, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from headrace_consumers.operate.rereading import KinesisReader, Stretch
from headrace_consumers.records import KinesisRecord
from tests.fakes.kinesis import MemoryKinesis

RECORDS = [
    KinesisRecord(f"{n}".encode(), "key", str(n), approximate_arrival_timestamp=1_700_000_000_123 + n)
    for n in range(5, 25)
]


def read(stretch: Stretch) -> list[KinesisRecord]:
    client: Any = MemoryKinesis({"shard": RECORDS})
    return KinesisReader(client, "tides").read(stretch)


@pytest.mark.parametrize(("start", "end"), [(5, 24), (9, 10), (9, 17), (0, 30), (23, 24), (24, 30)])
def test_a_stretch_is_all_after_start_up_to_end(start: int, end: int) -> None:
    """Whatever the pages: start is out, end is in, and every field is as it was, to the millisecond."""
    assert read(Stretch("shard", start, end)) == [record for record in RECORDS if start < record.position <= end]


def test_the_root_stands_where_the_pipeline_began() -> None:
    """A chain's first link holds nothing that arrived before the pipeline's start."""
    began = "2023-11-14T22:13:20.133Z"
    assert [record.position for record in read(Stretch("shard", 0, 12, beginning=began))] == [10, 11, 12]
