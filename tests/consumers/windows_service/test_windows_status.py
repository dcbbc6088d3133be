"""What the service writes down of itself for `status`: how many windows are open, out, revised and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.errors import FencedError
from headrace_consumers.windows import Session, Window
from headrace_consumers.windows_service import files
from headrace_consumers.windows_service.manifest import Manifest, WindowCounts, encode_manifest
from tests.consumers.windows_service.test_windows_faults import CALLS, begun
from tests.consumers.windows_service.tides import ALL, HOPS, HOURS, VISITS, Reading, Tides, oracle, settle
from tests.fakes.steps import Crash, Steps

LATER = ("Hull", 500, 9)
"""Closes everything before it, and is open itself: an hour, three hops, a visit."""
WRITES = [number for number, call in enumerate(CALLS) if call not in {"Query", "GetItem", "GetObject", "HeadObject"}]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def tides_of(*shard_ids: str, windows: Sequence[Window] = ALL, max_step_commits: int = 64) -> Tides:
    tides = Tides(windows=windows, max_step_commits=max_step_commits)
    for shard_id in shard_ids:
        tides.sea.add_shard(shard_id)
    return tides


def manifest_of(tides: Tides) -> Manifest:
    """Of the newest commit."""
    return tides.service()._tip.manifest


def counts(tides: Tides, window: Window) -> WindowCounts:
    return manifest_of(tides).windows[window.name].counts


def seen(tides: Tides, window: Window, up_to_us: int) -> WindowCounts:
    """The same, counted by a reader: the rows in the lake, and which of the oracle's windows close after this."""
    final = [row for row in tides.rows(window) if not row["early"]]
    gap = timedelta(seconds=window.gap_s if isinstance(window, Session) else 0)
    up_to = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=max(up_to_us, 0))
    return WindowCounts(
        open=sum(end + gap > up_to for end, *_ in oracle(window, tides.readings).values()),
        emitted=sum(row["revision"] == 1 for row in final),
        revised=sum(row["revision"] > 1 and not row["deleted"] for row in final),
        deleted=sum(row["deleted"] for row in final),
    )


def check(tides: Tides) -> None:
    manifest = manifest_of(tides)
    for window in tides.windows:
        stored = manifest.windows[window.name]
        assert stored.counts == seen(tides, window, stored.emitted_up_to_us), window.name
        assert stored.counts.closed == len(tides.seen(window)), window.name


def test_windows_are_counted_not_panes() -> None:
    """One reading is one open hour, one open visit, and three open hops; once it is out, the next one's are open."""
    tides = tides_of("a")
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1)]})
    settle(service)
    assert [counts(tides, window).open for window in ALL] == [1, 3, 1]
    tides.commit({"a": [LATER]})
    settle(service)
    assert [counts(tides, window) for window in ALL] == [
        WindowCounts(open=1, emitted=1), WindowCounts(open=3, emitted=3), WindowCounts(open=1, emitted=1)
    ]  # fmt: skip


def test_a_window_that_closes_with_the_low_watermark_is_not_open() -> None:
    """The end of one is the start of the next: at that very instant, one is out and one is open."""
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [("Dover", 5, 1), ("Dover", 60, 2)]})
    settle(tides.service())
    assert counts(tides, HOURS) == WindowCounts(open=1, emitted=1)


def test_revisions_and_tombstones_are_counted_over_restarts() -> None:
    """A late reading revises a visit and swallows another, which is closed no more."""
    tides = tides_of("a", windows=(VISITS,))
    tides.commit({"a": [("Dover", 5, 1), ("Dover", 45, 2), LATER]})
    settle(tides.service())
    assert counts(tides, VISITS) == WindowCounts(open=1, emitted=2)
    tides.commit({"a": [("Dover", 25, 4)]})
    settle(tides.service())
    found = counts(tides, VISITS)
    assert found == WindowCounts(open=1, emitted=2, revised=1, deleted=1)
    assert found.closed == 1


def test_early_rows_count_nowhere() -> None:
    """They show windows that stay open."""
    tides = tides_of("a", windows=(HOURS,))
    tides.early_every_s = 0.001
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1)]})
    tides.sea.now_ms += 1000
    assert service.step().early == 1
    assert counts(tides, HOURS) == WindowCounts(open=1)


def test_windows_that_wait_for_room_in_a_commit_are_open() -> None:
    """The low watermark has passed them, but they are not out: every commit counts exactly its own."""
    tides = tides_of("a", windows=(HOPS, VISITS))
    tides.commit({"a": [("Dover", 45 * number, number) for number in range(60)] + [("Hull", 20_000, 0)]})
    service = tides.service()
    assert service.step().more
    assert counts(tides, HOPS).open > 3
    check(tides)
    settle(service)
    assert counts(tides, HOPS).open == 3
    check(tides)


def test_the_shard_that_holds_windows_back_is_written_down() -> None:
    """With the commit that it held back, also where it has no chain yet."""
    tides = tides_of("a")
    tides.sea.add_shard("b", opened=False)
    service = tides.service()
    tides.commit({"a": [("Dover", 5, 1), LATER]})
    settle(service)
    assert manifest_of(tides).held_back_by == "b"
    tides.commit({"b": [("Dover", 600, 1)]})
    settle(service)
    assert manifest_of(tides).held_back_by == "a"


def encode_as_before(manifest: Manifest) -> bytes:
    """As versions did that counted nothing."""
    said = msgspec.json.decode(encode_manifest(manifest))
    del said["held_back_by"], said["windows"]["hours"]["counts"]
    return msgspec.json.encode(said)


def test_a_manifest_without_counts_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of an older version: its windows go on, and what comes from now on is counted."""
    monkeypatch.setattr(files, "encode_manifest", encode_as_before)
    tides = tides_of("a", windows=(HOURS,))
    tides.commit({"a": [("Dover", 5, 1), LATER]})
    settle(tides.service())
    monkeypatch.undo()
    assert (manifest_of(tides).held_back_by, counts(tides, HOURS)) == ("", WindowCounts())
    service = tides.service()
    tides.commit({"a": [("Dover", 6, 2), ("Deal", 7, 4)]})
    settle(service)
    assert counts(tides, HOURS) == WindowCounts(open=1, emitted=1, revised=1)
    tides.flush()
    tides.check()


@pytest.mark.parametrize("call", WRITES, ids=[f"{call} {CALLS[call]}" for call in WRITES])
def test_a_step_that_is_done_again_counts_once(call: int) -> None:
    """Dead after any call that writes, the next service counts what readers see: the counts stand with the rows."""
    tides = begun()
    with suppress(Crash):
        settle(tides.service(Steps(crash_at=2 * call + 1)))
    settle(tides.service())
    check(tides)
    assert counts(tides, VISITS) == WindowCounts(open=2, emitted=6, revised=1, deleted=1)


@pytest.mark.parametrize("call", range(0, len(CALLS), 9))
def test_of_two_services_one_counts(call: int) -> None:
    """A rival does the whole step in the midst of ours, which is fenced, or has counted already."""
    tides = begun()
    steps = Steps()

    def intrude(_name: str) -> None:
        if steps.calls - 1 == call:
            settle(tides.service())

    steps.before_call = intrude
    with suppress(FencedError):
        settle(tides.service(steps))
    check(tides)


readings = st.lists(
    st.tuples(st.sampled_from(["Dover", "Hull"]), st.integers(0, 60), st.integers(-9, 9)), max_size=6
)  # fmt: skip
commits = st.lists(st.tuples(st.sampled_from(["a", "b"]), readings, st.integers(0, 5), st.booleans()), max_size=5)


@given(commits=commits, step_commits=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_counts_are_what_readers_see(commits: list[tuple[str, list[Reading], int, bool]], step_commits: int) -> None:
    """Whatever comes, in whatever steps, with restarts: open, emitted, revised and deleted equal a reader's count."""
    tides = tides_of("a", "b", windows=(HOPS, VISITS), max_step_commits=step_commits)
    service = tides.service()
    for shard_id, batch, jump, restarts in [*commits, ("b", [], 0, False)]:
        tides.commit({shard_id: [(station, 13 * minute + 60 * jump, level) for station, minute, level in batch]})
        service.step()
        service = tides.service() if restarts else service
    settle(service)
    check(tides)
