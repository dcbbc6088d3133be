"""The producer as an application sees it."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import pytest

from headrace_producers import (
    BufferFullError,
    Compression,
    ContractError,
    Delivery,
    InvalidRecordError,
    Outcome,
    Producer,
    ProducerClosedError,
    ProducerSettings,
    SettingsError,
    column,
    contract,
)
from headrace_producers.testing import FakeKinesis, Fault
from tests.producers.model import Step, is_in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace_producers.kinesis import Answer, PutRecord

NOW = datetime(2013, 1, 1, 10, tzinfo=UTC)
QUICK = ProducerSettings(linger_s=0.01, retry_initial_s=0.01)


@contract(name="test.loose", version=1, partition_key="key", event_time="at")
class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """One column of each kind that JSON may change."""

    key: str
    at: datetime
    share: float | None = None
    count: int | None = None
    size: Annotated[str, column("Size", max_length=3)] | None = None


class Blocked(FakeKinesis):
    """Holds every PutRecords call until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def put_records(self, stream: str, records: Sequence[PutRecord]) -> Sequence[Answer]:
        self.entered.set()
        assert self.let_go.wait(30)
        return super().put_records(stream, records)


def step(n: int, key: str = "a") -> Step:
    return Step(key=key, n=n, at=NOW)


def put_without_end(producer: Producer) -> None:
    for n in itertools.count():
        producer.put(step(n))


def test_put_never_waits_for_the_network() -> None:
    """Events are taken while a call to Kinesis hangs."""
    stream = Blocked()
    with Producer("s", QUICK, connect=lambda: stream) as producer:
        producer.put(step(1))
        assert stream.entered.wait(10)
        for n in range(2, 1000):
            producer.put(step(n))
        assert producer.counters().buffered_events == 999
        stream.let_go.set()
    assert [put.event.n for put in stream.events(Step)] == list(range(1, 1000))


@pytest.mark.parametrize("limits", [{"max_buffer_events": 10}, {"max_buffer_bytes": 1024 * 1024}])
def test_a_full_buffer_blocks_put_until_the_timeout(limits: dict[str, int]) -> None:
    """Then BufferFullError says so, and the event is not taken; room that comes in time ends the wait."""
    stream = Blocked()
    settings = replace(QUICK, put_timeout_s=0.05, **limits)  # type: ignore[arg-type]
    with Producer("s", settings, connect=lambda: stream) as producer:
        with pytest.raises(BufferFullError, match=r"stayed full for 0\.05 s"):
            put_without_end(producer)
        taken = producer.counters().put_events
        stream.let_go.set()
        assert producer.flush(10)
        producer.put(step(taken))
    assert [put.event.n for put in stream.events(Step)] == list(range(taken + 1))


def test_a_spool_takes_what_memory_has_no_room_for(tmp_path: Path) -> None:
    """With a folder on disk, far more than the buffer holds is put while nothing is accepted."""
    stream = FakeKinesis()
    stream.script(*[Fault.THROTTLE_ALL] * 3)
    settings = replace(
        QUICK, spool_dir=tmp_path, max_buffer_events=100, max_pack_events=10, put_timeout_s=10, retry_initial_s=0.3
    )
    with Producer("s", settings, connect=lambda: stream) as producer:
        for n in range(1000):
            producer.put(step(n))
        assert producer.counters().spooled_packs > 80
    assert [put.event.n for put in stream.events(Step)] == list(range(1000))
    assert list(tmp_path.glob("*.pack")) == []


def test_a_full_spool_is_felt_by_put(tmp_path: Path) -> None:
    """Disk is bounded too: past max_spool_bytes the buffer fills and put() raises."""
    stream = FakeKinesis()
    stream.script(*[Fault.THROTTLE_ALL] * 1000)
    settings = replace(
        QUICK, spool_dir=tmp_path, max_buffer_events=50, max_pack_events=10, put_timeout_s=0.05, max_spool_bytes=5000
    )
    with Producer("s", settings, connect=lambda: stream) as producer:
        with pytest.raises(BufferFullError):
            put_without_end(producer)
        assert 5000 <= producer.counters().spooled_bytes < 50_000
        assert not producer.close(0.01)


def test_close_reports_what_it_leaves() -> None:
    """Attempted events are unknown, the others lost: nothing disappears without a word."""
    told: list[Delivery] = []
    stream = FakeKinesis()
    stream.script(*[Fault.LOSE_ANSWER] * 1000)
    producer = Producer("s", replace(QUICK, max_pack_events=2), connect=lambda: stream, on_delivery=told.append)
    ids = [producer.put(step(n)) for n in range(5)]
    assert not producer.close(0.2)
    unknown = [one for delivery in told if delivery.outcome is Outcome.UNKNOWN for one in delivery.event_ids]
    lost = [one for delivery in told if delivery.outcome is Outcome.LOST for one in delivery.event_ids]
    assert unknown + lost == ids
    assert len(unknown) == 2
    counters = producer.counters()
    assert (counters.unknown_events, counters.lost_events, counters.delivered_events) == (2, 3, 0)


def test_losses_are_logged_without_payload(caplog: pytest.LogCaptureFixture) -> None:
    """An operator sees that events were given up, and how many, never what they held."""
    stream = FakeKinesis()
    stream.script(*[Fault.LOSE_REQUEST] * 1000)
    with caplog.at_level(logging.WARNING):
        producer = Producer("s", QUICK, connect=lambda: stream)
        producer.put(step(1, key="secret-key"))
        producer.close(0.1)
    given_up = [record for record in caplog.records if record.message == "events were given up"]
    assert [record.levelname for record in given_up] == ["ERROR"]
    assert "secret-key" not in caplog.text + str([vars(record) for record in caplog.records])


def test_a_closed_producer_takes_nothing() -> None:
    """put() after close() raises, whether or not it had begun; close() and flush() may be repeated."""
    stream = FakeKinesis()
    unused, used = (Producer("s", QUICK, connect=lambda: stream) for _ in range(2))
    used.put(step(1))
    for producer in (unused, used):
        assert producer.close()
        assert producer.close()
        assert producer.flush()
        with pytest.raises(ProducerClosedError):
            producer.put(step(2))


def test_a_sender_that_breaks_is_noticed() -> None:
    """An error that nobody foresaw stops the sender, and put() says so instead of filling a dead buffer."""

    class Broken(FakeKinesis):
        def put_records(self, stream: str, records: Sequence[PutRecord]) -> Sequence[Answer]:
            raise ZeroDivisionError(stream, len(records))

    told: list[Delivery] = []
    producer = Producer("s", QUICK, connect=Broken, on_delivery=told.append)
    event_id = producer.put(step(1))
    assert not producer.flush(10)
    with pytest.raises(ProducerClosedError, match="the sender stopped: ZeroDivisionError"):
        producer.put(step(2))
    assert [(one.outcome, one.event_ids) for one in told] == [(Outcome.UNKNOWN, (event_id,))]


def test_threads_share_a_producer() -> None:
    """Events of all threads arrive once, each thread's own key in its order."""
    stream = FakeKinesis(shards=3)
    with Producer("s", QUICK, connect=lambda: stream) as producer:

        def work(key: str) -> None:
            for n in range(1, 501):
                producer.put(step(n, key), f"{key}-{n}")

        threads = [threading.Thread(target=work, args=(key,)) for key in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ids = [put.event_id for put in stream.events(Step)]
    assert len(ids) == len(set(ids)) == 2000
    assert is_in_order(ids)


def test_flush_does_not_linger() -> None:
    """What was put before it is in the stream when it returns True."""
    stream = FakeKinesis()
    with Producer("s", replace(QUICK, linger_s=3600), connect=lambda: stream) as producer:
        producer.put(step(1))
        began_s = time.monotonic()
        assert producer.flush(10)
        assert time.monotonic() - began_s < 5
        assert [put.event.n for put in stream.events(Step)] == [1]


def test_age_alone_sends_a_pack() -> None:
    """Nobody flushes, no size is reached: the linger sends it."""
    delivered = threading.Event()
    stream = FakeKinesis()
    with Producer("s", QUICK, connect=lambda: stream, on_delivery=lambda _: delivered.set()) as producer:
        producer.put(step(1))
        assert delivered.wait(10)


def test_packs_end_just_below_a_billing_unit() -> None:
    """Data and partition key of a full pack together stay within the units, and fill the last one nearly."""
    stream = FakeKinesis()
    with Producer("s", replace(QUICK, pack_units=2, linger_s=1), connect=lambda: stream) as producer:
        for n in range(2000):
            producer.put(step(n))
    sizes = [len(record.data) + len(record.partition_key) for record in stream.records[:-1]]
    assert sizes
    assert all(50 * 1024 - 600 < size <= 50 * 1024 for size in sizes)


def test_an_event_that_fits_no_record_is_refused() -> None:
    """The limit counts the whole line and the longest partition key; one byte less passes."""
    stream = FakeKinesis()
    settings = replace(QUICK, max_record_bytes=26 * 1024, pack_units=1)
    with Producer("s", settings, connect=lambda: stream) as producer:
        room = settings.max_event_bytes
        empty = len(producer._encoders.encode(step(1, key=""), "id")[1])
        producer.put(step(1, key="k" * (room - empty)), "id")
        with pytest.raises(InvalidRecordError, match="the most that a record takes"):
            producer.put(step(1, key="k" * (room - empty + 1)), "id")
        assert producer.counters().refused_events == 1
    assert len(stream.records[0].data) == room


@pytest.mark.parametrize(
    ("event", "field", "rule"),
    [
        (Step(key="a", n=-1, at=NOW), "n", "Expected `int` >= 0"),
        (Step(key="a", n="1", at=NOW), "n", "Expected `int`, got `str`"),  # type: ignore[arg-type]
        (Step(key=None, n=1, at=NOW), "key", "Expected `str`, got `null`"),  # type: ignore[arg-type]
        (Step(key="\ud800", n=1, at=NOW), "event", "holds a value that JSON cannot carry"),
        (Step(key="a", n=1, at=NOW.replace(tzinfo=None)), "at", "a timestamp without a time zone"),
        (Step(key="a", n=2**63, at=NOW), "n", "beyond 64 bits"),
        (Loose(key="a", at=NOW, share=float("nan")), "share", "JSON cannot carry this value unchanged"),
        (Loose(key="a", at=NOW, share=float("inf")), "share", "JSON cannot carry this value unchanged"),
        (Loose(key="a", at=NOW, count=-(2**64)), "count", "beyond 64 bits"),
        (Loose(key="a", at=NOW, size="long"), "size", "Expected `str` of length <= 3"),
    ],
)
def test_what_breaks_its_contract_is_refused(event: msgspec.Struct, field: str, rule: str) -> None:
    """The error names field and rule, never the value; nothing is sent."""
    stream = FakeKinesis()
    with Producer("s", QUICK, connect=lambda: stream) as producer:
        with pytest.raises(InvalidRecordError) as caught:
            producer.put(event)
        assert caught.value.field == field
        assert rule in caught.value.rule
    assert stream.records == []


def test_a_class_without_contract_is_refused() -> None:
    """put() says what to do."""

    class Plain(msgspec.Struct):
        key: str

    with Producer("s", connect=FakeKinesis) as producer, pytest.raises(ContractError, match="declares no contract"):
        producer.put(Plain(key="a"))


def test_events_get_ids_of_their_own() -> None:
    """Ids are unique without the caller's doing; given ones are kept, an empty one is refused."""
    stream = FakeKinesis()
    with Producer("s", QUICK, connect=lambda: stream) as producer:
        ids = [producer.put(step(1)), producer.put(step(1)), producer.put(step(1), "mine")]
        with pytest.raises(InvalidRecordError):
            producer.put(step(1), "")
    assert len(set(ids)) == 3
    assert [put.event_id for put in stream.events(Step)] == ids
    assert ids[2] == "mine"


@pytest.mark.parametrize("compression", Compression)
def test_packs_may_be_compressed(compression: Compression) -> None:
    """The record's first bytes tell which way; readers get the same events."""
    stream = FakeKinesis()
    with Producer("s", replace(QUICK, compression=compression), connect=lambda: stream) as producer:
        for n in range(100):
            producer.put(step(n))
    magic = {Compression.NONE: b"{", Compression.GZIP: b"\x1f\x8b", Compression.ZSTD: b"\x28\xb5\x2f\xfd"}
    assert all(record.data.startswith((magic[compression], b"{")) for record in stream.records)
    assert any(record.data.startswith(magic[compression]) for record in stream.records)
    assert [put.event.n for put in stream.events(Step)] == list(range(100))


def test_a_callback_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; the stream goes on."""

    def broken(_: Delivery) -> None:
        raise ZeroDivisionError

    stream = FakeKinesis()
    with Producer("s", QUICK, connect=lambda: stream, on_delivery=broken) as producer:
        producer.put(step(1))
        assert producer.flush(10)
        producer.put(step(2))
    assert len(stream.events(Step)) == 2
    assert "the delivery callback failed" in caplog.text


def test_only_failed_records_are_retried() -> None:
    """After a partial failure the next call carries the refused packs alone."""
    stream = FakeKinesis(shards=4)
    stream.script(Fault.THROTTLE_EVERY_OTHER)
    with Producer("s", replace(QUICK, linger_s=0.2), connect=lambda: stream) as producer:
        for n in range(40):
            producer.put(step(n, key=f"k{n}"))
        assert producer.flush(10)
        counters = producer.counters()
    assert counters.retried_packs == 2
    assert len(stream.records) == counters.delivered_packs == 4
    assert len(stream.events(Step)) == 40


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": ""},
        {"linger_s": -1},
        {"max_buffer_events": 0},
        {"pack_units": 41},
        {"max_record_bytes": 6 * 1024 * 1024},
        {"retry_initial_s": 11.0},
    ],
)
def test_settings_that_contradict_are_refused(wrong: dict[str, float]) -> None:
    """The error's sentence begins with the field."""
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        ProducerSettings(**wrong)  # type: ignore[arg-type]
