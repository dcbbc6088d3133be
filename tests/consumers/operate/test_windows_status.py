"""What status says of windows: watermarks, who holds them back, how many are out; and that it only looks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from rich.console import Console

from headrace_consumers.errors import NewerFormatError
from headrace_consumers.lake.s3 import S3Store
from headrace_consumers.operate.status import PipelineStatus, ShardStatus, read_status, told
from headrace_consumers.operate.view import PipelineView
from headrace_consumers.operate.windows_reading import Standing
from headrace_consumers.operate.windows_status import WindowsStatus, WindowStatus, watermark_of
from headrace_consumers.pipeline import Pipeline
from headrace_consumers.windows import Window
from headrace_consumers.windows_service import manifest as manifests
from headrace_consumers.windows_service.manifest import Manifest
from headrace_consumers.windows_service.watermarks import ShardProgress
from headrace_producers.errors import HeadraceError, TerminalError, TransientError
from tests.consumers.windows_service.sea import TIDES
from tests.consumers.windows_service.tides import ALL, HOPS, HOURS, VISITS, Tides, settle
from tests.consumers.windows_service.windowed import bare, windowed
from tests.fakes.kinesis import MemoryKinesis
from tests.fakes.steps import Crash, Steps, client_error

LATER = ("Hull", 500, 9)
"""Closes everything before it; 08:20."""


class NoLeases:
    def scan(self, **_: Any) -> dict[str, Any]:
        raise client_error("ResourceNotFoundException", "Scan")


def view(tides: Tides, steps: Steps | None = None, pipeline: Pipeline | None = None) -> PipelineView:
    """As the command makes it: it knows no bucket."""
    sea = tides.sea
    kinesis: Any = MemoryKinesis({shard_id: [] for shard_id in sea.listed})
    leases: Any = NoLeases()
    s3: Any = sea.s3.as_seen_by(steps or Steps())
    return PipelineView(
        pipeline=pipeline or replace(windowed, windows=tuple(tides.windows)),
        log=sea.log(steps), store=S3Store(s3, {}), stream=sea, kinesis=kinesis, dynamodb=leases,
    )  # fmt: skip


def tides_of(*shard_ids: str, windows: Sequence[Window] = ALL) -> Tides:
    tides = Tides(windows=windows)
    for shard_id in shard_ids:
        tides.sea.add_shard(shard_id)
    return tides


def windows_of(status: PipelineStatus) -> WindowsStatus:
    assert isinstance(status.windows, WindowsStatus)
    return status.windows


def look(tides: Tides, steps: Steps | None = None) -> WindowsStatus:
    return windows_of(read_status(view(tides, steps)))


def shards(status: PipelineStatus) -> dict[str, ShardStatus]:
    return {shard.shard_id: shard for shard in status.shards}


def printed(status: PipelineStatus) -> str:
    paper = io.StringIO()
    Console(width=240, file=paper).print(*told(status), sep="\n")
    return paper.getvalue()


def test_watermarks_and_windows_are_shown() -> None:
    """Per shard how far it is, over all the least of them and whose it is, and how many windows of each kind."""
    tides = tides_of("a", "b")
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1), ("Dover", 45, 2), LATER], "b": [("Dover", 300, 1)]})
    settle(service)
    tides.commit({"b": [("Dover", 25, 4)]})
    settle(service)
    status = read_status(view(tides))
    found = windows_of(status)
    assert {shard.shard_id: shard.watermark for shard in status.shards} == {
        "a": "2026-01-31T08:20:00Z", "b": "2026-01-31T05:00:00Z"
    }  # fmt: skip
    assert (found.low_watermark, found.held_back_by, found.behind_s) == ("2026-01-31T05:00:00Z", "b", 200 * 60)
    assert (found.without_watermark, found.committed_at is not None) == ((), True)
    assert found.windows == (
        WindowStatus(name="hours", kind="tumbling", open=2, closed=1, revised=1, deleted=0),
        WindowStatus(name="hops", kind="hopping", open=6, closed=3, revised=3, deleted=0),
        WindowStatus(name="visits", kind="session", open=2, closed=1, revised=1, deleted=1),
    )
    text = printed(status)
    assert "The low watermark is 2026-01-31T05:00:00Z, held back by b; it is 12000 s behind the newest" in text
    assert "2026-01-31T08:20:00Z" in text
    rows = [line.replace("│", " ").split() for line in text.splitlines()]
    assert ["visits", "session", "2", "1", "1", "1"] in rows


def test_a_shard_that_is_not_merged_has_no_watermark() -> None:
    """Neither one without a chain nor one without an event; the sentence names what holds windows back."""
    tides = tides_of("a", "b")
    tides.sea.add_shard("c", opened=False)
    tides.commit({"a": [("Dover", 5, 1), LATER]})
    settle(tides.service())
    status = read_status(view(tides))
    found = windows_of(status)
    assert (found.low_watermark, found.held_back_by, found.behind_s) == (None, "b", None)
    assert found.without_watermark == ("b", "c")
    assert shards(status)["c"].watermark is None
    assert found.sentence.startswith("No window can close yet, held back by b, of which no event is merged; as of")
    assert found.sentence.endswith("No event is merged yet of b, c.")


def test_a_shard_that_ended_without_an_event_is_not_waited_for() -> None:
    """It has no watermark, and nothing is missing."""
    tides = tides_of("p", "q")
    tides.sea.add_shard("child", "p")
    tides.sea.end("p", "child")
    tides.commit({"child": [LATER], "q": [LATER]})
    settle(tides.service())
    status = read_status(view(tides))
    assert shards(status)["p"].watermark is None
    assert (windows_of(status).without_watermark, windows_of(status).low_watermark) == ((), "2026-01-31T08:20:00Z")


def test_before_its_first_commit_the_service_is_asked_for() -> None:
    """No watermark, no counts, and a sentence that says what to look for."""
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [LATER]})
    status = read_status(view(tides))
    found = windows_of(status)
    assert found.sentence == (
        "The windows service has not committed yet: does `headrace-consumers windows` run?"
    )  # fmt: skip
    assert (found.low_watermark, found.held_back_by, found.committed_at) == (None, None, None)
    assert found.windows == (WindowStatus(name="hours", kind="tumbling"),)
    assert shards(status)["a"].watermark is None
    assert "has not committed yet" in printed(status)


def test_a_window_that_is_new_has_no_counts_yet() -> None:
    """The service has not committed since it was declared."""
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [LATER]})
    settle(tides.service())
    tides.windows = (HOURS, VISITS)
    hours, visits = look(tides).windows
    assert (hours.open, visits.open, visits.closed) == (1, None, None)


def test_a_pipeline_without_windows_shows_nothing_of_them() -> None:
    """Neither in JSON nor in the table, and the lake is not asked."""
    tides = tides_of("a")
    tides.commit({"a": [LATER]})
    settle(tides.service())
    steps = Steps()
    status = read_status(view(tides, steps, bare))
    assert "GetObject" not in steps.seen
    said = msgspec.json.decode(msgspec.json.encode(status))
    assert "windows" not in said
    assert "watermark" not in said["shards"][0]
    assert "watermark" not in printed(status)


def test_status_reads_only() -> None:
    """Two items and one object, beside what it reads of the shards."""
    tides = tides_of("a")
    tides.commit({"a": [LATER]})
    settle(tides.service())
    steps = Steps()
    look(tides, steps)
    assert steps.seen.count("GetObject") == 1
    assert set(steps.seen) == {"Query", "GetItem", "GetObject"}


def dead_after_transaction(tides: Tides) -> None:
    """A service commits, and dies before its files are visible."""
    rehearsal = Steps()
    settle(deepcopy(tides).service(rehearsal))
    with pytest.raises(Crash):
        settle(tides.service(Steps(crash_at=2 * rehearsal.seen.index("TransactWriteItems") + 1)))


def test_a_commit_that_is_not_visible_yet_is_said_and_left_alone() -> None:
    """What the commit before it says is shown; without one, nothing is. Completing is the service's."""
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [("Dover", 5, 1), LATER]})
    dead_after_transaction(tides)
    first = look(tides)
    assert ("is not visible yet" in first.sentence, first.low_watermark) == (True, None)
    settle(tides.service())
    before = look(tides)
    tides.commit({"a": [("Dover", 600, 1)]})
    dead_after_transaction(tides)
    uploads = len(tides.sea.s3.uploads)
    found = look(tides)
    [link, *_] = tides.sea.log().newest_links(TIDES.chain("windows"))
    assert f"newest commit, {link.attempt_id}, is not visible yet" in found.sentence
    assert (found.low_watermark, found.windows) == (before.low_watermark, before.windows)
    assert found.sentence.endswith(before.sentence)
    assert len(tides.sea.s3.uploads) == uploads > 0


def test_a_manifest_that_goes_while_it_is_read_is_looked_for_again() -> None:
    """The service has committed twice between the link and the object that it leads to."""
    tides = tides_of("a", windows=(HOURS,))
    service = tides.service()
    tides.commit({"a": [LATER]})
    settle(service)
    steps, more = Steps(), iter([600, 700])

    def go_on(name: str) -> None:
        for minute in more if name == "GetObject" else ():
            tides.commit({"a": [("Dover", minute, 1)]})
            settle(service)

    steps.before_call = go_on
    found = look(tides, steps)
    assert steps.seen.count("GetObject") > 1
    assert (found.low_watermark, found.sentence.startswith("The low watermark")) == ("2026-01-31T11:40:00Z", True)


@dataclass(frozen=True)
class NoLake:
    """An object store that fails."""

    error: HeadraceError

    def read(self, _bucket: str, _key: str) -> bytes:
        raise self.error


@pytest.mark.parametrize("error", [TransientError("read from s3://curated: 503"), TerminalError("NoSuchBucket")])
def test_without_the_lake_the_shards_are_shown(error: HeadraceError) -> None:
    """An operator whose lake is away, or forbidden, needs the rest all the more."""
    tides = tides_of("a", windows=(HOPS,))
    tides.commit({"a": [LATER]})
    settle(tides.service())
    store: Any = NoLake(error)
    status = read_status(replace(view(tides), store=store))
    assert shards(status)["a"].position == "10"
    assert (shards(status)["a"].watermark, windows_of(status).low_watermark) == (None, None)
    assert str(error) in windows_of(status).sentence


def test_a_newer_manifest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a newer log is: guessing would be worse."""
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [LATER]})
    settle(tides.service())
    monkeypatch.setattr(manifests, "FORMAT", 0)
    with pytest.raises(NewerFormatError, match="format 2"):
        look(tides)


def test_a_watermark_before_all_dates_is_shown_as_the_first() -> None:
    """An event of the year 1, the zero of some languages' clocks, less the disorder, is no reason to fail."""
    year_one_us = -62_135_596_800_000_000
    progress = {"a": ShardProgress(watermark_us=year_one_us - 600_000_000)}
    assert watermark_of(Standing(Manifest(progress={1: progress})), "a") == "0001-01-01T00:00:00Z"
