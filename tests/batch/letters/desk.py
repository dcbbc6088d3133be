"""Real flights, some of them spoilt, in a lake in memory: what an operator of dead letters has before them."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import msgspec

from headrace_batch.letters.filters import LetterFilter
from headrace_batch.letters.fixing import Fix
from headrace_batch.letters.redriving import RedrivePlan, redrive
from headrace_batch.letters.report import RedriveReport
from headrace_batch.letters.units import UnitLimits
from headrace_batch.place import Place
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.stages.letters import Finding
from headrace_consumers.windows import Tumbling, count, total
from headrace_local.corruption import KINDS, is_chosen
from tests.consumers.lake_encode.flights import PIPELINE as PLAIN
from tests.consumers.lake_encode.flights import event_lines
from tests.fakes.dynamodb import MemoryDynamo
from tests.fakes.s3 import MemoryS3
from tests.fakes.steps import Steps
from tests.faults.simulation import World

DAYS = Tumbling(
    "days",
    table="flights_departed",
    size_s=24 * 3600,
    by=("origin",),
    aggregates={"flights": count(), "miles": total("distance")},
)
PIPELINE = replace(PLAIN, windows=(DAYS,))
MIB = 1024 * 1024
SHARD = "shardId-000000000000"
DAY_US = 24 * 3600 * 1_000_000
_ID = re.compile(rb'"id":"([^"]+)"')


@dataclass
class Desk:
    """One lake. `truth` is each event as it should have come, by its id."""

    world: World
    truth: dict[str, bytes]
    spoilt: dict[str, bytes]
    """The lines that became letters."""
    pipeline: Pipeline = PIPELINE

    def place(self, steps: Steps | None = None) -> Place:
        log, store = self.world.clients(steps or Steps())
        aws: Any = None
        return Place(
            pipeline=self.pipeline, log=log, store=store, stream=self.world, aws=aws,
            stream_created_ms=self.world.created_ms, generation=log.generation(self.pipeline.name),
            owner="redrive@desk", now_ms=lambda: self.world.now_ms,
        )  # fmt: skip

    def stream(self, lines: Mapping[str, bytes], spoilt: Mapping[str, bytes] | None = None) -> None:
        """One more commit of a worker: these events by id, spoilt where said."""
        self.truth.update(lines)
        self.spoilt.update(spoilt or {})
        self.world.put_lines(
            SHARD, {event_id: self.spoilt.get(event_id, lines[event_id]) + b"\n" for event_id in lines}
        )
        self.world.drain()

    def redrive(
        self,
        wanted: LetterFilter | None = None,
        fix: Fix | None = None,
        *,
        steps: Steps | None = None,
        unit: UnitLimits | None = None,
        **more: Any,
    ) -> RedriveReport:
        plan = RedrivePlan(
            wanted=wanted or LetterFilter(), fix=fix or Truth(self.truth), max_unpacked_bytes=MIB,
            unit=unit or UnitLimits(), **more,
        )  # fmt: skip
        return redrive(self.place(steps), plan, lambda _: None)

    # --- readers

    def rows(self) -> list[dict[str, Any]]:
        """Of all tables, as a reader of the lake sees them."""
        tables = [table.name for table in self.pipeline.tables]
        return [row for table in tables for row in self.world.rows_of("processed", table)]

    def letters(self) -> list[dict[str, Any]]:
        return self.world.rows_of("processed", self.pipeline.dead_letter_table)

    def position(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return row["shard_id"], row["sequence_number"], row["record_index"]

    def panes(self) -> Counter[tuple[str, int]]:
        """Of the window, what all partials come to: flights of each origin and day."""
        found: Counter[tuple[str, int]] = Counter()
        for row in self.world.rows_of("curated", self.pipeline.partials_table):
            found[row["origin"], row["start_us"] // DAY_US] += row["events"]
        return found

    def days(self) -> Counter[tuple[str, int]]:
        """The same, counted from the rows."""
        rows = self.world.rows_of("processed", "flights_departed")
        return Counter((row["origin"], int(row["event_time"].timestamp() * 1_000_000) // DAY_US) for row in rows)

    def check(self) -> None:
        """Each event is one row or one letter, and no file is visible that no commit names."""
        self.world.check_readers()
        seen = [
            (row["shard_id"], row["sequence_number"], row["record_index"]) for row in [*self.rows(), *self.letters()]
        ]
        assert len(seen) == len(set(seen)) == len(self.truth)
        assert self.panes() == self.days()

    def check_complete(self) -> None:
        """Each event is one row, as it should have come."""
        self.check()
        assert not self.letters()
        assert {row["event_id"] for row in self.rows()} == self.truth.keys()

    def copied(self) -> Desk:
        """The same lake; what happens to one does not happen to the other."""
        dynamo, s3 = MemoryDynamo(), MemoryS3()
        dynamo.items, dynamo.tokens = dict(self.world.dynamo.items), dict(self.world.dynamo.tokens)
        s3.objects, s3.ids = dict(self.world.s3.objects), itertools.count(1_000_000)
        s3.completed = set(self.world.s3.completed)
        world = World(pipeline=self.pipeline, dynamo=dynamo, s3=s3, records=self.world.records)
        return Desk(world, dict(self.truth), dict(self.spoilt), self.pipeline)


@dataclass
class Truth:
    """A fix that knows of each event how it should have come. Counts what it was asked."""

    lines: dict[str, bytes]
    asked: list[bytes] = field(default_factory=list)

    def mend(self, payload: bytes) -> bytes | Finding:
        self.asked.append(payload)
        found = _ID.search(payload)
        return self.lines[found[1].decode()] if found else Finding("fix", "fix_failed")


def id_of(line: bytes) -> str:
    found = _ID.search(line)
    assert found is not None
    return found[1].decode()


@lru_cache
def _lines(flights: int) -> tuple[bytes, ...]:
    return tuple(line.rstrip(b"\n") for line in event_lines(flights))


def spoilt_desk(flights: int = 60, percent: float = 40.0, commits: int = 3, pipeline: Pipeline = PIPELINE) -> Desk:
    """So many commits of a worker; every kind of damage there is comes in turn, hence all of them."""
    world = World(pipeline=pipeline)
    world.add_shard()
    truth = {id_of(line): line for line in _lines(flights)}
    kinds = itertools.cycle(KINDS)
    spoilt = {event_id: next(kinds)(line) for event_id, line in truth.items() if is_chosen(event_id, percent)}
    ids = list(truth)
    desk = Desk(world, {}, {}, pipeline)
    for begin in range(commits):
        chosen = ids[begin * len(ids) // commits : (begin + 1) * len(ids) // commits]
        desk.stream({event_id: truth[event_id] for event_id in chosen}, spoilt)
    return desk


def jq_truth(desk: Desk) -> str:
    """A jq program, for `raw`, that looks the true event up by the id that can still be read."""
    lines = msgspec.json.encode({event_id: line.decode() for event_id, line in desk.truth.items()}).decode()
    return f'capture("\\"id\\":\\"(?<id>[^\\"]+)\\"").id as $id | {lines}[$id] | fromjson'
