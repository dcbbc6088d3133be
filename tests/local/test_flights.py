"""The flights source, the oracle that knows nothing of it, and the verdict on a lake."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from headrace_consumers.lake.encode import encode_files
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages.stage import stage_batch
from headrace_consumers.stages.staged import ShardStart
from headrace_local.corruption import KINDS, CorruptingClient, is_chosen, spoil
from headrace_local.flights.data import FLIGHTS, FlightsData, unpack_data
from headrace_local.flights.reconcile import reconcile
from headrace_local.flights.source import MAX_DISORDER_MIN, FlightsSource, SourceEvent, SourceSettings
from headrace_local.lake_copy import LakeCopy
from headrace_local.pipelines import flights
from headrace_producers.contracts import contract_of
from headrace_producers.flights import FlightCancelled, FlightDeparted, WeatherObserved
from headrace_producers.kinesis import Answer, OpenShard, PutRecord
from headrace_producers.wire.envelope import encode_line

SENT = 3_000
ARRIVED_MS = 1_800_000_000_000
PROCESSED = "processed"
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FlightsData:
    return unpack_data(tmp_path_factory.mktemp("flights"))


def events(data: FlightsData, count: int) -> Iterator[SourceEvent]:
    source = FlightsSource(data, SourceSettings(count))
    yield from source.events()
    source.close()


def event_time(event: msgspec.Struct) -> datetime:
    time = getattr(event, contract_of(type(event)).event_time)
    assert isinstance(time, datetime)
    return time


def line_of(sent: SourceEvent) -> bytes:
    contract = contract_of(type(sent.event))
    return encode_line(sent.event_id, "test", contract.type, event_time(sent.event), sent.event)


def files_of(
    lines: list[bytes], attempt_id: str = "attempt", arrival_ms: int = ARRIVED_MS, zones: Collection[str] = (PROCESSED,)
) -> list[EncodedFile]:
    """What a worker's own stages make of these lines in one commit, in these zones."""
    packs = [b"".join(lines[index : index + 500]) for index in range(0, len(lines), 500)]
    records = [
        KinesisRecord(pack, f"pack {number}", str(number), None, arrival_ms) for number, pack in enumerate(packs, 1)
    ]
    starts = {"shard-0": ShardStart()}
    staged = stage_batch(flights, [ShardRecords("shard-0", records)], starts, 2**26)
    files = encode_files(flights, staged, attempt_id, starts, {"shard-0": (0, len(packs))})
    return [file for file in files if file.zone in zones]


def lake_of(lines: list[bytes], root: Path) -> LakeCopy:
    """The same as files below `root`."""
    processed = files_of(lines)
    for file in processed:
        (root / file.key).parent.mkdir(parents=True, exist_ok=True)
        (root / file.key).write_bytes(file.body)
    return LakeCopy(root, frozenset(file.key for file in processed), sum(len(file.body) for file in processed))


def test_every_instant_of_the_year_is_what_the_time_zone_database_says(data: FlightsData) -> None:
    with data.flights_csv.open() as file:
        rows = dict(zip(itertools.count(1), csv.DictReader(file), strict=False))
    kinds = {FlightDeparted: 0, FlightCancelled: 0}
    for sent in events(data, FLIGHTS):
        if isinstance(sent.event, WeatherObserved):
            continue
        row = rows.pop(int(sent.event_id.removeprefix("flight-")))
        year, month, day, hour, minute = (int(row[name]) for name in ("year", "month", "day", "hour", "minute"))
        local = datetime(year, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)
        delay = timedelta(minutes=0 if row["dep_time"] == "NA" else int(row["dep_delay"]))
        assert (sent.event.scheduled_at, event_time(sent.event)) == (local, local + delay), row
        kinds[type(sent.event)] += 1
    assert rows == {}
    assert kinds == {FlightDeparted: 328_521, FlightCancelled: 8_255}


def test_both_one_o_clocks_of_the_night_that_has_two_are_kept_apart(data: FlightsData) -> None:
    night = datetime(2013, 11, 3, 4, tzinfo=UTC)
    hours = [
        sent.event.observed_at
        for sent in events(data, FLIGHTS)
        if isinstance(sent.event, WeatherObserved)
        and sent.event.origin == "JFK"
        and night < sent.event.observed_at <= night + timedelta(hours=3)
    ]
    assert sorted(hours) == [night + timedelta(hours=hour) for hour in (1, 2, 3)]


def test_events_arrive_disordered_within_a_bound_and_the_same_each_time(data: FlightsData) -> None:
    sent = list(events(data, SENT))
    assert sent == list(events(data, SENT))
    assert len({event_id for event_id, _ in sent}) == len(sent)
    latest = datetime.min.replace(tzinfo=UTC)
    behind = []
    for event in sent:
        behind.append(latest - event_time(event.event))
        latest = max(latest, event_time(event.event))
    assert timedelta(minutes=1) < max(behind) <= timedelta(minutes=MAX_DISORDER_MIN)
    other_seed = FlightsSource(data, SourceSettings(SENT, seed=1))
    assert sorted(other_seed.events()) != list(other_seed.events()) != sent
    assert {event.event_id for event in other_seed.events()} == {event.event_id for event in sent}
    other_seed.close()


def test_a_lake_made_by_the_workers_stages_reconciles(data: FlightsData, tmp_path: Path) -> None:
    sent = list(events(data, SENT))
    verdict = reconcile(data, SENT, lake_of([line_of(event) for event in sent], tmp_path))
    assert verdict.ok, verdict.sentence()
    assert verdict.rows == verdict.expected == len(sent) > SENT
    assert {share.origin for share in verdict.shares} == {"EWR", "JFK", "LGA"}


def test_spoilt_events_and_no_others_become_dead_letters(data: FlightsData, tmp_path: Path) -> None:
    sent = list(events(data, SENT))
    chosen = {event.event_id for event in sent if is_chosen(event.event_id, 10)}
    lines = [
        spoil(event.event_id, line_of(event)[:-1]) + b"\n" if event.event_id in chosen else line_of(event)
        for event in sent
    ]
    assert len({kind(line_of(sent[0])[:-1]) for kind in KINDS} | {line_of(sent[0])[:-1]}) == len(KINDS) + 1
    verdict = reconcile(data, SENT, lake_of(lines, tmp_path), chosen)
    assert verdict.ok, verdict.sentence()
    assert verdict.dead_letters == len(chosen) > SENT / 20
    assert len(verdict.reasons) > 6
    assert not reconcile(data, SENT, lake_of(lines, tmp_path), chosen - {min(chosen)}).ok


def test_a_lost_a_doubled_a_changed_and_a_foreign_row_are_each_noticed(data: FlightsData, tmp_path: Path) -> None:
    sent = list(events(data, SENT))
    lines = [line_of(event) for event in sent]
    first = next(event for event in sent if isinstance(event.event, FlightDeparted))
    place = sent.index(first)
    changed = first._replace(event=msgspec.structs.replace(first.event, carrier="ZZ"))
    foreign = first._replace(event_id=f"flight-{FLIGHTS}")
    cases = {
        "missing": lines[:place] + lines[place + 1 :],
        "duplicates": [*lines, lines[place]],
        "differing": [*lines[:place], line_of(changed), *lines[place + 1 :]],
        "strangers": [*lines, line_of(foreign)],
    }
    for fault, broken in cases.items():
        verdict = reconcile(data, SENT, lake_of(broken, tmp_path / fault))
        assert not verdict.ok
        assert getattr(verdict, fault) == 1, (fault, verdict.sentence())
    sound = reconcile(data, SENT, lake_of(lines, tmp_path / "sound"))
    assert replace(sound, duplicates=1).ok is False


def test_a_retried_pack_is_spoilt_as_its_first_attempt_was(data: FlightsData) -> None:
    class Stream:
        def __init__(self) -> None:
            self.taken: list[PutRecord] = []

        def put_records(self, stream: str, records: Sequence[PutRecord]) -> Sequence[Answer]:  # noqa: ARG002 -- the Protocol's
            self.taken += records
            return []

        def list_open_shards(self, stream: str) -> Sequence[OpenShard]:
            raise NotImplementedError(stream)

    stream = Stream()
    lines = [line_of(event) for event in itertools.islice(events(data, SENT), 1000)]
    record = PutRecord("key", "0", b"".join(lines))
    client = CorruptingClient(stream, percent=5)
    client.put_records("s", [record])
    client.put_records("s", [record])
    assert stream.taken[0] == stream.taken[1]
    received = stream.taken[0].data.splitlines(keepends=True)
    spoilt = [before for before, after in zip(lines, received, strict=True) if before != after]
    assert 20 < len(spoilt) < 100
