"""What commit path and windows service tell whoever watches them: files that stay pending, gaps, late rows, silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace_consumers.commit.committer import CommitOutcome
from headrace_consumers.commitlog.model import Commit, Link, LinkKind
from headrace_consumers.commitlog.tip import Tip
from headrace_consumers.recovery import ShardOpener
from headrace_consumers.runtime.core import Moment
from headrace_consumers.runtime.effects import CommitBatch, MarkGap
from headrace_consumers.runtime.observer import MetricsObserver
from headrace_consumers.telemetry.metrics import Metrics
from headrace_consumers.windows_service.service import WindowsService
from tests.consumers.windows_service.tides import Tides, settle
from tests.fakes.steps import Steps
from tests.faults.simulation import World

HALF_STEPS = range(24)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def _told_after(half_step: int) -> list[tuple[str, int]]:
    """A worker dies at this half of an AWS call, while it commits; what its successor says is pending as it opens."""
    world = World()
    shard_id = world.add_shard()
    worker = world.start_worker()
    worker.lease(shard_id)
    worker.work()
    world.put_pack(shard_id)
    worker.steps.crash_at = worker.steps.calls * 2 + half_step
    worker.deliver(shard_id, 1)
    worker.shut_down()
    world.now_s += 61.0
    worker.tick()
    worker.work()
    told: list[tuple[str, int]] = []

    def pending(commit: Commit, files: int) -> None:
        told.append((commit.attempt_id, files))

    log, store = world.clients(Steps())
    ShardOpener(log, store, world, lambda: world.now_ms, "successor", pending=pending).open(
        world.chain(shard_id), "TRIM_HORIZON"
    )
    return told


def test_what_a_dead_worker_left_pending_is_told_until_it_is_proven() -> None:
    """Of its own commit; where all files were complete, or nothing stood, none is told to be pending."""
    ends = [_told_after(half_step) for half_step in HALF_STEPS]
    assert any(len(told) > 1 for told in ends)
    assert any(not told for told in ends)
    for told in (told for told in ends if told):
        assert told[-1][1] == 0
        assert all(files > 0 for _, files in told[:-1])
        assert len({attempt_id for attempt_id, _ in told}) == 1


def test_a_commit_tells_its_files_until_they_are_proven() -> None:
    """Pending from the transaction on, and no more once it has ended."""
    world, told = World(), list[int]()
    shard_id = world.add_shard()
    worker = world.start_worker()
    watched = replace(worker.workplace.committer, pending=lambda _commit, files: told.append(files))
    worker.workplace = replace(worker.workplace, committer=watched)
    worker.lease(shard_id)
    worker.work()
    world.put_pack(shard_id)
    worker.deliver(shard_id, 1)
    world.now_s += 61.0
    worker.tick()
    worker.work()
    assert len(told) == 2
    assert told[0] > 0
    assert told[1] == 0


def test_a_gap_that_was_written_is_counted() -> None:
    """A foreign link in its place is a fence, no gap of ours."""
    metrics = Metrics()
    observer = MetricsObserver(metrics, Moment(0.0, 0))
    chain = World().chain("shard-1")
    gap = MarkGap(1, chain, Tip(), 7, "records after the tip had expired before they were read")
    observer.finished(gap, Tip(position=7), Moment(1.0, 1_000))
    assert _value(metrics, "headrace_gaps_total") == 1
    foreign = Link(chain=chain, start=0, end=9, end_sequence_number="9", attempt_id="b", kind=LinkKind.DATA)
    observer.finished(gap, foreign, Moment(2.0, 2_000))
    assert _value(metrics, "headrace_gaps_total") == 1


def test_a_commit_is_counted_with_its_late_rows() -> None:
    """As its own counts have them."""
    world, metrics = World(), Metrics()
    shard_id = world.add_shard()
    worker = world.start_worker()
    worker.lease(shard_id)
    worker.work()
    world.put_pack(shard_id)
    worker.deliver(shard_id, 1)
    world.now_s += 61.0
    worker.tick()
    job = next(job for job in worker.jobs if isinstance(job, CommitBatch))
    outcome = worker.workplace.do(job)
    assert isinstance(outcome, CommitOutcome)
    assert outcome.commit is not None
    late = msgspec.structs.replace(outcome.commit, counts=msgspec.structs.replace(outcome.commit.counts, late=3))
    MetricsObserver(metrics, Moment(0.0, 0)).finished(job, replace(outcome, commit=late), Moment(1.0, 1_000))
    assert _value(metrics, "headrace_late_events_total") == 3
    assert _value(metrics, "headrace_rows_total") > 0


def test_the_windows_service_says_which_shards_have_spoken() -> None:
    """What a shard said changes with its commits and heartbeats; of one that nobody opened, nothing ever does; one that
    has ended is waited for no more."""
    tides = Tides()
    for shard_id in "ab":
        tides.sea.add_shard(shard_id)
    tides.sea.add_shard("c", opened=False)
    service = tides.service()
    tides.commit({"a": [("Dover", 0, 1)], "b": [("Dover", 1, 1)]})
    first = _said(service)
    tides.sea.now_ms += 1_000
    tides.commit({"a": [("Dover", 2, 1)]})
    tides.sea.beat("b")
    second = _said(service)
    assert {shard_id for shard_id in "abc" if first[shard_id] != second[shard_id]} == {"a", "b"}
    tides.sea.end("a")
    assert set(_said(service)) == {"b", "c"}


def test_a_service_that_has_not_read_to_the_end_says_nothing_of_silence() -> None:
    """What it has not merged yet may have been said long ago."""
    tides = Tides(max_step_commits=1)
    tides.sea.add_shard("a")
    for minute in range(3):
        tides.commit({"a": [("Dover", minute, 1)]})
    reports = settle(tides.service())
    assert reports[0].said is None
    assert reports[-1].said == {"a": (30, 0)}


def _said(service: WindowsService) -> Mapping[str, object]:
    said = settle(service)[-1].said
    assert said is not None
    return said


def _value(metrics: Metrics, name: str) -> float:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)
