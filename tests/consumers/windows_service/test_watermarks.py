"""Watermarks: who counts, who waits, and what a heartbeat may say."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.commitlog.log import Beat
from headrace_consumers.commitlog.model import Chain, Link, LinkKind
from headrace_consumers.shards import Shard
from headrace_consumers.windows_service.watermarks import MINUS_INFINITY_US, ShardProgress, Watermarks, read_watermarks

DISORDER_US = 10
CLOCK_MS = 1_000_000


def read(
    progress: Mapping[str, ShardProgress],
    listed: Mapping[str, Shard] | None = None,
    beats: Mapping[str, Beat] | None = None,
) -> Watermarks:
    shards = {shard_id: Shard(shard_id, 0, 1) for shard_id in progress} if listed is None else listed
    return read_watermarks(progress, shards, beats or {}, DISORDER_US)


def at(time_us: int | None, position: int = 5, **more: object) -> ShardProgress:
    return ShardProgress(position, time_us, **more)  # type: ignore[arg-type]


def shard(shard_id: str, *parents: str, closed: bool = False) -> dict[str, Shard]:
    return {shard_id: Shard(shard_id, 0, 1, parents, closed)}


def idle(position: int = 5) -> Beat:
    return Beat(CLOCK_MS, position)


def test_the_slowest_shard_holds_back() -> None:
    """The low watermark is the least of the shards' highest event times, less the disorder."""
    assert read({"a": at(100), "b": at(70)}) == Watermarks({"a": 90, "b": 60}, 60, "b")


def test_an_empty_stream_says_nothing() -> None:
    """Without shards, and without events, no window closes."""
    assert read({}).low_us == MINUS_INFINITY_US
    assert read({"a": at(None, 0)}).low_us == MINUS_INFINITY_US


def test_late_starter() -> None:
    """An open shard of ListShards without a chain counts as minus infinity: windows wait for it."""
    listed = shard("a") | shard("b")
    assert read({"a": at(100)}, listed) == Watermarks({"a": 90, "b": MINUS_INFINITY_US}, MINUS_INFINITY_US, "b")
    assert read({"a": at(100), "b": at(95)}, listed).low_us == 85


def test_a_closed_shard_that_nobody_read_is_not_waited_for() -> None:
    """It ended before the pipeline began; its children are read from their own beginning."""
    listed = shard("old", closed=True) | shard("a", "old")
    assert read({"a": at(100)}, listed) == Watermarks({"a": 90}, 90, "a")


def test_an_idle_shard_follows_the_furthest() -> None:
    """Its heartbeat names the merged tip, so it has nothing to say, and takes no clock while another shard speaks."""
    assert read({"a": at(100), "b": at(70)}, beats={"b": idle()}).low_us == 90


def test_a_shard_that_never_had_a_record_is_idle_too() -> None:
    """Its heartbeat names the root of its chain."""
    assert read({"a": at(100), "b": at(None, 0)}, beats={"b": idle(0)}).low_us == 90


def test_heartbeat_early() -> None:
    """A shard says that it is idle at a tip which is not merged yet: it counts with what is merged."""
    assert read({"a": at(100), "b": at(70, position=5)}, beats={"b": idle(8)}).low_us == 60
    assert read({"a": at(100), "b": at(80, position=8)}, beats={"b": idle(8)}).low_us == 90


def test_a_heartbeat_of_the_past_says_nothing() -> None:
    """The shard has gone on since; and one of an older version names no tip."""
    for beat in (idle(4), Beat(CLOCK_MS)):
        assert read({"a": at(100), "b": at(70)}, beats={"b": beat}).low_us == 60


def test_the_clock_counts_only_where_all_are_idle() -> None:
    """Then the stalest heartbeat says how far."""
    beats = {"a": Beat(CLOCK_MS + 5, 5), "b": Beat(CLOCK_MS, 5)}
    found = read({"a": at(100), "b": at(70)}, beats=beats)
    assert (found.low_us, found.held_back_by) == (CLOCK_MS * 1000 - DISORDER_US, "b")


def test_nobody_waits_for_an_idle_shard_but_it_waits_for_the_silent() -> None:
    """Where another shard has not begun, an idle one brings nothing forward."""
    assert read({"a": at(100)}, shard("a") | shard("b"), {"a": idle()}).low_us == MINUS_INFINITY_US


def test_a_watermark_never_moves_back() -> None:
    """What a heartbeat had lifted stays, when the shard speaks of older events again."""
    assert read({"a": at(200), "b": at(70, watermark_us=150)}).low_us == 150


def test_the_children_of_a_split_begin_where_their_parent_ended() -> None:
    """From its terminal link on they count with its watermark, and it does not; before, it stands in for them."""
    listed = shard("p", closed=True) | shard("left", "p") | shard("right", "p")
    assert read({"p": at(100)}, listed) == Watermarks({"p": 90}, 90, "p")
    ended = at(100, ended=True, children=("left", "right"))
    assert read({"p": ended}, listed) == Watermarks({"left": 90, "right": 90}, 90, "left")
    assert read({"p": ended, "left": at(130)}, listed).shards == {"left": 120, "right": 90}


def test_the_child_of_a_merge_begins_with_the_slower_parent() -> None:
    """It counts once both have ended; until then the one that has ended counts on."""
    listed = shard("p", closed=True) | shard("q", closed=True) | shard("child", "p", "q")
    done = {"p": at(100, ended=True, children=("child",)), "q": at(70, ended=True, children=("child",))}
    assert read(done, listed).shards == {"child": 60}
    assert read({**done, "q": at(120)}, listed).shards == {"p": 90, "q": 110}


def test_empty_parent() -> None:
    """A parent ends with nothing in hand: its child neither waits for ever nor is passed over."""
    listed = shard("p", closed=True) | shard("child", "p") | shard("other")
    empty = at(None, 0, ended=True, children=("child",))
    waiting = read({"p": empty, "other": at(100)}, listed)
    assert (waiting.low_us, waiting.held_back_by) == (MINUS_INFINITY_US, "child")
    assert read({"p": empty, "other": at(100), "child": at(95)}, listed).low_us == 85
    assert read({"p": empty, "other": at(100), "child": at(None, 0)}, listed, {"child": idle(0)}).low_us == 90


def test_a_child_that_was_split_before_it_was_read_is_waited_for() -> None:
    """Closed and without a chain, but KCL will read it: its own children wait behind it."""
    listed = shard("p", closed=True) | shard("mid", "p", closed=True) | shard("last", "mid")
    assert read({"p": at(100)}, listed).shards == {"p": 90}
    assert read({"p": at(100, ended=True, children=("mid",))}, listed).shards == {"mid": 90}
    both = {"p": at(100, ended=True, children=("mid",)), "mid": at(None, 0, ended=True, children=("last",))}
    assert read(both, listed).shards == {"last": 90}


def test_a_child_that_the_stream_forgot_is_not_waited_for() -> None:
    """It expired unread: it will never have a chain."""
    ended = at(100, ended=True, children=("gone",))
    assert read({"p": ended, "a": at(70)}, shard("a")).shards == {"a": 60}


def test_the_parents_that_list_shards_forgot_are_known_by_their_terminal_links() -> None:
    """The child begins with their watermark all the same."""
    ended = at(100, ended=True, children=("child",))
    assert read({"p": ended}, shard("child")).shards == {"child": 90}


@pytest.mark.parametrize("kind", LinkKind)
def test_progress_moves_with_each_link(kind: LinkKind) -> None:
    """To its end; the highest event time only rises; a terminal link ends the shard and names who goes on."""
    children = ("left", "right") if kind is LinkKind.TERMINAL else ()
    link = Link(
        chain=Chain("tides", 1, 7, "a"), start=5, end=9, end_sequence_number="9", attempt_id="x", kind=kind,
        highest_event_time_us=80, children=children,
    )  # fmt: skip
    moved = at(100, watermark_us=3).after(link)
    assert moved == ShardProgress(9, 100, 3, kind is LinkKind.TERMINAL, children)
    assert at(None).after(link).highest_event_time_us == 80


@given(
    st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(0, 100), st.booleans()), min_size=1),
    st.sampled_from("abcd"),
    st.integers(0, 100),
)
def test_more_events_never_lower_the_watermark(
    shards: dict[str, tuple[int, bool]], moved: str, by: int
) -> None:  # fmt: skip
    """Whoever is idle and whoever speaks: the watermark that is kept only rises."""
    progress = {shard_id: at(time) for shard_id, (time, _) in shards.items()}
    beats = {shard_id: idle() for shard_id, (_, is_idle) in shards.items() if is_idle}
    before = read(progress, beats=beats)
    kept = {
        shard_id: at(known.highest_event_time_us, watermark_us=before.shards[shard_id])
        for shard_id, known in progress.items()
    }
    if moved in kept:
        kept[moved] = at((kept[moved].highest_event_time_us or 0) + by, 6, watermark_us=kept[moved].watermark_us)
    after = read(kept, beats=beats)
    assert after.low_us >= before.low_us
    assert all(after.shards[shard_id] >= watermark for shard_id, watermark in before.shards.items())
