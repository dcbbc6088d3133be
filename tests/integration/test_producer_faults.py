"""A real producer through a faulty network into a real stream: no event is lost, and the stages drop every repeat."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.config import Config

from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages.stage import stage_batch
from headrace_consumers.stages.staged import ShardStart, StagedBatch
from headrace_local.flights.source import FlightsSource, SourceSettings
from headrace_local.pipelines import flights
from headrace_producers.boto import NO_RETRIES, BotoKinesis
from headrace_producers.delivery import Delivery, Outcome
from headrace_producers.producer import Producer
from headrace_producers.settings import ProducerSettings
from tests.faults.proxy import Choose, Fault, fault_proxy
from tests.integration.world import LocalAws, World

FLIGHTS = 4_000
OUTAGE_S = 60.0
IMPATIENT = NO_RETRIES.merge(Config(read_timeout=0.3, connect_timeout=1))


@dataclass
class Sent:
    """What a producer said of its events."""

    ids: list[str] = field(default_factory=list)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)

    def delivered(self, delivery: Delivery) -> None:
        self.outcomes[delivery.outcome] += len(delivery.event_ids)


def send(aws: LocalAws, stream: str, choose: Choose) -> Sent:
    """All flights through a proxy; small packs, so that there are many calls to fail."""
    sent = Sent()
    source = FlightsSource(aws.data, SourceSettings(FLIGHTS))
    with fault_proxy(aws.clients.endpoint, choose) as proxy:
        client = aws.clients.kinesis_at(proxy.endpoint, IMPATIENT)
        settings = ProducerSettings(source="test", pack_units=1, linger_s=0.02, retry_max_s=2.0)
        producer = Producer(stream, settings, connect=lambda: BotoKinesis(client), on_delivery=sent.delivered)
        sent.ids = [producer.put(event.event, event.event_id) for event in source.events()]
        assert producer.flush(OUTAGE_S + 60)
        assert producer.close()
        client.close()
    sent.faults = Counter(proxy.faults)
    source.close()
    return sent


def read_back(aws: LocalAws, stream: str) -> StagedBatch:
    """Every record of the stream, through the stages."""
    kinesis = aws.clients.kinesis
    batch = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records: list[KinesisRecord] = []
        while (answer := kinesis.get_records(ShardIterator=iterator, Limit=100))["Records"]:
            iterator = answer["NextShardIterator"]
            records += [
                KinesisRecord(
                    record["Data"],
                    record["PartitionKey"],
                    record["SequenceNumber"],
                    None,
                    int(record["ApproximateArrivalTimestamp"].timestamp() * 1000),
                )
                for record in answer["Records"]
            ]
        batch.append(ShardRecords(shard["ShardId"], records))
    return stage_batch(flights, batch, {piece.shard_id: ShardStart() for piece in batch}, 2**26)


def check(sent: Sent, staged: StagedBatch) -> int:
    """Each event once, none reported as anything but delivered; answers how many repeats were dropped."""
    rows = Counter(event_id for table in staged.tables.values() for event_id in table["event_id"].to_pylist())
    assert rows == Counter(sent.ids)
    assert staged.dead_letters.num_rows == 0
    assert sent.outcomes == {Outcome.DELIVERED: len(sent.ids)}
    return sum(shard.repeats for shard in staged.shards.values())


def run(world: World, choose: Choose) -> tuple[Sent, int]:
    sent = send(world.aws, world.resources.stream, choose)
    return sent, check(sent, read_back(world.aws, world.resources.stream))


def test_packs_whose_answer_is_lost_come_twice_and_count_once(make_world: Callable[[int], World]) -> None:
    lost = {0: Fault.ACCEPTED_THEN_SILENCE, 3: Fault.ACCEPTED_THEN_RESET}
    sent, repeats = run(make_world(3), lambda call: lost.get(call % 6, Fault.NONE))
    assert sent.faults[Fault.ACCEPTED_THEN_SILENCE] > 0
    assert sent.faults[Fault.ACCEPTED_THEN_RESET] > 0
    assert repeats > 0


def test_only_refused_records_of_a_partly_failed_call_are_sent_again(make_world: Callable[[int], World]) -> None:
    sent, repeats = run(make_world(3), lambda call: Fault.IN_PART if call % 2 else Fault.NONE)
    assert sent.faults[Fault.IN_PART] > 0
    assert repeats == 0


def test_nothing_is_lost_while_kinesis_is_away_for_a_minute(make_world: Callable[[int], World]) -> None:
    began_s = time.monotonic()
    away = (Fault.REFUSED, Fault.NO_SERVICE)

    def choose(call: int) -> Fault:
        return Fault.NONE if call < 10 or time.monotonic() > began_s + OUTAGE_S else away[call % 2]

    sent, repeats = run(make_world(3), choose)
    assert sent.faults[Fault.REFUSED] > 0
    assert sent.faults[Fault.NO_SERVICE] > 0
    assert repeats == 0
    assert time.monotonic() > began_s + OUTAGE_S
