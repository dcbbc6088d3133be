"""A commit of very many files: one record may fill as many partitions as it has events."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from tests.faults.simulation import TideMeasured, World

HOURLY = Pipeline(name="tides", stream="tides", tables=(LakeTable("tides", TideMeasured, Grain.HOUR),))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def put_history(world: World, shard_id: str, hours: int) -> None:
    """One record of events that lie an hour apart: as many files."""
    begin = datetime.fromisoformat("2001-01-01T00:00:00+00:00")
    ids = [f"event-{next(world.event_ids)}" for _ in range(hours)]
    data = b"".join(_line(event_id, begin + timedelta(hours=hour)) for hour, event_id in enumerate(ids))
    world.expected.update(ids)
    world.put_record(shard_id, data, "Dover")


def _line(event_id: str, at: datetime) -> bytes:
    time = at.isoformat().replace("+00:00", "Z")
    data = {"station": "Dover", "measured_at": time, "level_mm": 1}
    event = {
        "specversion": "1.0", "id": event_id, "source": "/test", "type": "tide.measured.v1", "time": time, "data": data,
    }  # fmt: skip
    return msgspec.json.encode(event) + b"\n"


def test_one_record_may_fill_thousands_of_partitions() -> None:
    """Its commit is larger than an item of DynamoDB, and stands all the same; the shard goes on after it."""
    world = World(pipeline=HOURLY)
    shard_id = world.add_shard()
    world.put_pack(shard_id)
    put_history(world, shard_id, 3_000)
    world.put_pack(shard_id)
    world.drain()
    world.check_complete()
