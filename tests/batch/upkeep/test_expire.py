"""Expiry: what nobody needs any more goes, and whoever still needs something finds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from headrace_batch.committing import settle
from headrace_batch.retention.expiring import Ages, Expired, expire
from headrace_batch.retention.known import Known
from headrace_batch.retention.links import old_links
from headrace_batch.retention.passing import Followers
from headrace_consumers.commitlog.following import Lineage, follow
from headrace_consumers.commitlog.model import Chain, Link
from headrace_consumers.commitlog.tip import read_tip, tip_before
from headrace_consumers.lake.objects import EncodedFile
from headrace_consumers.recovery import ShardOpener
from headrace_consumers.windows_service.watermarks import ShardProgress
from tests.batch.upkeep.test_compaction import checked, passed, run
from tests.batch.upkeep.test_forget import ANN, forget, guests, windows_of
from tests.batch.upkeep.test_rewriting import retired
from tests.batch.upkeep.yard import KEPT, VISITS, make_pending, place_of, seen_by_paths, visible, visits, world_of
from tests.fakes.steps import Crash, Steps
from tests.faults.simulation import World

DAY_MS = 86_400_000
SHARD = "shardId-000000000000"
UNWINDOWED = replace(VISITS, windows=())


def later(world: World, days: float = 40) -> int:
    return world.now_ms + int(days * DAY_MS)


def run_expire(world: World, ages: Ages | None = None, steps: Steps | None = None, **how: Any) -> list[Expired]:
    options = {"no_loader": True, "dry_run": False, "now_ms": later(world)} | how
    return list(expire(place_of(world, steps), KEPT, ages or Ages(), **options))


def kinds(found: Sequence[Expired]) -> Counter[str]:
    return Counter(one.kind for one in found)


def long_stream(commits: int = 8, full_every: int = 3) -> World:
    """A shard with so many commits, every third with the full lane table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace_consumers.commit.links.FULL_LANES_EVERY", full_every)
        world = world_of(UNWINDOWED)
        for number in range(commits):
            visits(world, f"guest-{number}")
    return world


def links_of(world: World) -> list[Link]:
    return list(world.clients(Steps())[0].links_after(world.chain(SHARD), 0))


def test_old_links_go_and_the_chain_goes_on() -> None:
    """Up to one with the full lane table; whoever opens the shard, or looks at a link that is left, sees the same."""
    world = long_stream()
    log, store = world.clients(Steps())
    before, tip = links_of(world), read_tip(log, store, world.chain(SHARD))
    origins = {link.start: tip_before(log, store, link) for link in before}
    rows = seen_by_paths(world)
    found = run_expire(world)
    assert kinds(found) == {"link": 6, "commit": 6}
    left = links_of(world)
    assert left == before[6:]
    assert left[0].lanes_full
    assert read_tip(log, store, world.chain(SHARD)) == tip
    assert tip_before(log, store, left[1]).lanes == origins[left[1].start].lanes
    opened = ShardOpener(log, store, world, lambda: world.now_ms, "e").open(
        world.chain(SHARD), before[-1].end_sequence_number
    )
    assert opened.tip == tip
    assert seen_by_paths(world) == rows
    assert sorted(place_of(world).standing().commits) == [link.attempt_id for link in left]
    visits(world, "eve")
    assert sum(seen_by_paths(world).values()) == 9
    assert run_expire(world, now_ms=world.now_ms) == []


def test_a_follower_that_is_behind_goes_on() -> None:
    """What it has not passed stays, and is given to it in order."""
    world = long_stream()
    commits = [link.attempt_id for link in links_of(world)]
    passed(world, *commits[:4])
    run_expire(world, no_loader=False)
    assert [link.attempt_id for link in links_of(world)] == commits[3:]
    log, _ = world.clients(Steps())
    behind = {SHARD: ShardProgress(position=links_of(world)[0].end)}
    advances = list(follow(log, Lineage("visits", 1, world.created_ms), behind, [SHARD]))
    assert [one.commit.attempt_id for one in advances if one.commit] == commits[4:]


def test_windows_hold_back_what_they_have_not_merged() -> None:
    """Before their first commit, everything; then what is behind their manifest goes."""
    world = world_of()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace_consumers.commit.links.FULL_LANES_EVERY", 1)
        for number in range(3):
            visits(world, f"guest-{number}")
        assert run_expire(world) == []
        windows_of(world)
        visits(world, "eve")
        visits(world, "joe")
    assert kinds(run_expire(world)) == {"link": 3, "commit": 3}
    windows_of(world)
    assert kinds(run_expire(world)) == {"link": 1, "commit": 1}


def test_young_links_stay() -> None:
    """By when they were written."""
    world = long_stream()
    assert run_expire(world, now_ms=later(world, 29)) == []
    assert run_expire(world, Ages(links_days=0)) == []


def test_a_commit_with_pending_files_stays() -> None:
    """And all links after it: somebody will complete it."""
    world = long_stream()
    third = links_of(world)[3].attempt_id
    make_pending(world, third)
    assert kinds(run_expire(world)) == {"link": 3, "commit": 3}
    assert links_of(world)[0].attempt_id == third


def test_a_dry_run_changes_nothing() -> None:
    """It tells what would go and why, in the very words of the command."""
    world = long_stream()
    orphan(world)
    objects, items, uploads = dict(world.s3.objects), dict(world.dynamo.items), dict(world.s3.uploads)
    ages = Ages(raw_days=35)
    planned = run_expire(world, ages, dry_run=True)
    assert (world.s3.objects, world.dynamo.items, world.s3.uploads) == (objects, items, uploads)
    assert kinds(planned) == {"upload": 1, "orphan": 1, "raw": 7, "link": 6, "commit": 6}
    assert planned == run_expire(world, ages)


def orphan(world: World) -> None:
    """What an attempt leaves that dies before its transaction: an upload, and a list of files."""
    _, store = world.clients(Steps())
    attempt_id = f"{world.now_ms:012x}{'ab' * 8}"
    key = f"visits_paid/event_date=2023-11-26/{attempt_id}.parquet"
    store.upload_pending(EncodedFile("visits_paid", "", "processed", key, 1, b"x"), attempt_id)
    store.put("raw", f"visits/commits/{attempt_id}-0123456789abcdef.json", b"[]")


def test_orphans_are_told_and_deleted_only_when_asked_for() -> None:
    """Uploads that never became a commit go; objects need a word. Young ones may still be committed."""
    world = long_stream(2)
    orphan(world)
    assert kinds(run_expire(world, Ages(links_days=0), now_ms=later(world, 13))) == {}
    found = run_expire(world, Ages(links_days=0))
    assert [(one.kind, one.goes) for one in found] == [("upload", True), ("orphan", False)]
    assert not world.s3.uploads
    assert [(one.kind, one.goes) for one in run_expire(world, Ages(links_days=0, orphans=True))] == [("orphan", True)]
    assert run_expire(world, Ages(links_days=0, orphans=True)) == []
    checked(world)


def test_files_of_expired_commits_are_no_orphans() -> None:
    """No commit names them any more, and their rows are the lake's."""
    world = long_stream()
    rows = seen_by_paths(world)
    run_expire(world)
    assert run_expire(world, Ages(orphans=True)) == []
    assert seen_by_paths(world) == rows
    orphan(world)
    assert kinds(run_expire(world, Ages(orphans=True))) == {"upload": 1, "orphan": 1}
    assert seen_by_paths(world) == rows


def test_a_person_is_forgotten_in_files_of_expired_commits_too() -> None:
    """The log knows them no more: they are found by listing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace_consumers.commit.links.FULL_LANES_EVERY", 1)
        world = world_of(UNWINDOWED)
        for _ in range(3):
            visits(world, ANN, "bob")
    assert kinds(run_expire(world)) == {"link": 2, "commit": 2}
    assert forget(world) == {"visits_paid": 3}
    assert guests(world) == ["bob", "bob", "bob"]
    assert forget(world) == {}


def test_raw_records_go_by_their_retention() -> None:
    """But those of a chain's last commit: whoever opens the shard proves that file. Kept for ever unless asked."""
    world = long_stream(4)
    raw = {place for place in world.s3.objects if place[0] == "raw"}
    assert kinds(run_expire(world, Ages(links_days=0))) == {}
    found = run_expire(world, Ages(links_days=0, raw_days=35))
    assert kinds(found) == {"raw": 3}
    left = {place for place in world.s3.objects if place[0] == "raw"}
    assert len(left) == 1
    assert left < raw
    log, store = world.clients(Steps())
    last = links_of(world)[-1]
    ShardOpener(log, store, world, lambda: world.now_ms, "e").open(world.chain(SHARD), last.end_sequence_number)
    checked(world)


def test_a_commit_can_be_retired_whose_raw_records_have_expired() -> None:
    """Nobody waits for a file that its retention took."""
    world = long_stream(3)
    first = links_of(world)[0].attempt_id
    run_expire(world, Ages(links_days=0, raw_days=35))
    retired(place_of(world), first)
    settle(place_of(world))
    checked(world)
    assert sum(seen_by_paths(world).values()) == 2


def test_raw_records_that_a_follower_may_ask_for_stay() -> None:
    """It completes, and so proves, all files of what it meets."""
    world = long_stream(4)
    commits = [link.attempt_id for link in links_of(world)]
    passed(world, *commits[:2])
    assert kinds(run_expire(world, Ages(links_days=0, raw_days=35), no_loader=False)) == {"raw": 2}


def test_windows_lose_old_links_too() -> None:
    """Their service opens from the last one, and sweeps what the one before it left."""
    world = world_of()
    for number in range(6):
        visits(world, f"guest-{number}")
        world.now_s += 86_400
        windows_of(world)
    rows = sorted(map(repr, seen_by_paths(world, "guests_daily")))
    assert rows
    found = run_expire(world)
    assert any(one.what.startswith("windows") for one in found)
    visits(world, "eve")
    world.now_s += 86_400
    windows_of(world)
    assert set(rows) <= set(map(repr, seen_by_paths(world, "guests_daily")))


def test_compacted_files_outlive_the_commits_of_their_rows() -> None:
    """The batch chain never expires; what was retired before is retired ever after."""
    world = long_stream()
    commits = [link.attempt_id for link in links_of(world)]
    run(world)
    retired(place_of(world), commits[1])
    rows = seen_by_paths(world)
    run_expire(world)
    assert seen_by_paths(world) == rows
    assert visible(world) <= set(world.s3.objects)
    retired(place_of(world), commits[-1])
    assert sum(seen_by_paths(world).values()) == 6


def test_death_at_any_step_leaves_a_log_that_can_be_read() -> None:
    """No link names a commit that is gone, no chain has a hole; the next run does the rest."""
    died = 0
    for step in range(0, 2_000, 5):
        world = long_stream(5, full_every=2)
        orphan(world)
        rows, ages = seen_by_paths(world), Ages(raw_days=35)
        steps = Steps(crash_at=step)
        try:
            run_expire(world, ages, steps)
        except Crash:
            died += 1
            links = links_of(world)
            assert all(left.end == right.start for left, right in pairwise(links))
            assert sorted(place_of(world).standing().commits) == [link.attempt_id for link in links]
            run_expire(world, ages)
        assert seen_by_paths(world) == rows
        assert len(links_of(world)) == 1
        if step > 2 * steps.calls:
            break
    assert died > 10


def chain_of(shard: str, attempts: Sequence[str], full: Sequence[int]) -> tuple[Chain, tuple[Link, ...]]:
    chain = Chain("visits", 1, 5, shard)
    links = (
        Link(chain=chain, start=n, end=n + 1, end_sequence_number=str(n + 1), attempt_id=attempt, lanes_full=n in full)
        for n, attempt in enumerate(attempts)
    )
    return chain, tuple(links)


def test_a_commit_goes_with_the_last_link_that_names_it() -> None:
    """Two shards share commits, and have their full lane tables at different places."""
    attempts = ["a", "b", "c", "d"]
    known = Known(dict([chain_of("x", attempts, (0, 2)), chain_of("y", attempts, (0, 1, 3))]), {}, "", 0)
    found = list(old_links(known, Followers(None, None), frozenset(), before_ms=1))
    gone = [(old.link.chain.shard_id, old.link.attempt_id, old.with_commit) for old in found]
    assert gone == [
        ("x", "a", False), ("x", "b", False), ("y", "a", True), ("y", "b", True), ("y", "c", False),
    ]  # fmt: skip


def test_a_commit_with_a_list_of_files_takes_the_list_with_it() -> None:
    """The object beside the log goes after its item: no item names a list that is gone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("headrace_consumers.commitlog.filelists.MAX_INLINE_BYTES", 10)
        world = long_stream(4, full_every=1)
        lists = {place for place in world.s3.objects if "/commits/" in place[1]}
        assert len(lists) == 4
        run_expire(world)
        assert len({place for place in world.s3.objects if "/commits/" in place[1]}) == 1
        assert len(place_of(world).standing().commits) == 1
