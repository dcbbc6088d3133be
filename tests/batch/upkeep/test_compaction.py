"""Compaction: the same rows in fewer files, for whoever reads the log and whoever reads paths."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from headrace_batch import committing
from headrace_batch.committing import settle
from headrace_batch.compaction import merging
from headrace_batch.compaction.compacting import Compacted, compact, compact_group, groups
from headrace_batch.compaction.planning import Rules
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.errors import FencedError
from headrace_consumers.load.passed import PASSED
from headrace_producers.errors import SettingsError
from tests.batch.upkeep.test_rewriting import by_a_stranger, of_table, retired
from tests.batch.upkeep.yard import (
    Landed,
    landed_visits,
    make_pending,
    named,
    place_of,
    seen_by_log,
    seen_by_paths,
    visible,
    visits,
    world_of,
)
from tests.fakes.steps import Crash, Steps
from tests.faults.simulation import World

MIB = 1024 * 1024
RULES = Rules(target_bytes=MIB, older_than_s=3600)
LATER_MS = 4_000_000_000_000
"""All partitions are cold."""


def run(world: World, rules: Rules = RULES, steps: Steps | None = None, **how: Any) -> list[Compacted]:
    options = {"no_loader": True, "dry_run": False} | how
    return list(compact(place_of(world, steps), rules, LATER_MS, **options))


def checked(world: World) -> None:
    """Log and paths agree, and no upload is left."""
    assert visible(world) == named(place_of(world).standing())
    assert seen_by_paths(world) == seen_by_log(world)


def test_small_files_become_one_that_is_sorted() -> None:
    """By till and time, as the table says; each row as it was, its commit too."""
    world = world_of()
    for number in range(7):
        visits(world, *(f"guest-{number}-{i}" for i in range(9)))
    before = seen_by_paths(world)
    found = run(world)
    assert [(one.table, one.files, one.rows) for one in found] == [("visits_paid", 7, 63)]
    assert seen_by_paths(world) == before
    checked(world)
    (whole,) = of_table(place_of(world))
    body = world.s3.objects[whole.file.bucket, whole.file.key].body
    file = pq.ParquetFile(io.BytesIO(body))
    rows = file.read().to_pylist()
    assert rows == sorted(rows, key=lambda row: (row["till"], row["event_time"]))
    assert file.schema_arrow.metadata[b"headrace.contract"] == b"visit.paid.v1"
    columns = [file.metadata.row_group(0).column(n) for n in range(file.metadata.num_columns)]
    assert all(column.compression == "ZSTD" and column.statistics.has_min_max for column in columns)
    assert len(body) == found[0].bytes_after < found[0].bytes_before


def test_what_was_done_is_not_done_again() -> None:
    """A second run finds nothing, whatever the first one's files came to."""
    world = world_of()
    for number in range(12):
        visits(world, f"guest-{number}")
    size = max(one.file.bytes for one in of_table(place_of(world)))
    rules = Rules(target_bytes=3 * size, older_than_s=3600)
    assert run(world, rules)
    position = place_of(world).chain.position()
    assert run(world, rules) == []
    assert place_of(world).chain.position() == position
    checked(world)


def test_a_dry_run_changes_nothing() -> None:
    """It says what would be done, of how many files."""
    world = world_of()
    visits(world, "ann")
    visits(world, "bob")
    objects, items = dict(world.s3.objects), dict(world.dynamo.items)
    (one,) = run(world, dry_run=True)
    assert (one.files, one.rows, one.commit_id) == (2, 2, "")
    assert (world.s3.objects, world.dynamo.items) == (objects, items)


def test_warm_partitions_are_left_alone() -> None:
    """One young commit is enough: its partition is written to."""
    world = world_of()
    visits(world, "ann", days_ago=3)
    visits(world, "bob", days_ago=3)
    assert list(compact(place_of(world), RULES, world.now_ms, no_loader=True, dry_run=False)) == []
    assert len(run(world)) == 1


def test_partitions_and_tables_are_not_mixed() -> None:
    """One group each; the table that is asked for alone."""
    world = world_of()
    for _ in range(2):
        visits(world, "ann", "bob")
        visits(world, "ann", "bob", days_ago=1)
    only = run(world, Rules(target_bytes=MIB, older_than_s=0, table="visits_late"))
    assert [(one.table, one.files) for one in only] == [("visits_late", 2)]
    found = run(world)
    assert [(one.table, one.files) for one in found] == [("visits_paid", 2)] * 2
    assert len({one.partition for one in found}) == 2
    checked(world)


def test_big_files_are_left_alone() -> None:
    """Three quarters of the target are enough."""
    world = world_of()
    for _ in range(3):
        visits(world, "ann")
    size = min(one.file.bytes for one in of_table(place_of(world)))
    assert run(world, Rules(target_bytes=int(size / 0.75), older_than_s=0)) == []
    assert len(run(world, Rules(target_bytes=size * 2 + 400, older_than_s=0))) >= 1


def test_origins_are_not_mixed() -> None:
    """What a file brought stays apart from what the stream brought, before and after it was compacted."""
    world = world_of()
    for name in ("x", "y"):
        visits(world, "ann")
        landed_visits(place_of(world), of_table(place_of(world))[0], name)
    found = run(world)
    assert sorted((one.origin, one.files) for one in found) == [("landing", 2), ("stream", 2)]
    assert run(world) == []
    visits(world, "eve")
    landed_visits(place_of(world), of_table(place_of(world))[0], "z")
    assert sorted((one.origin, one.files) for one in run(world)) == [("landing", 2), ("stream", 2)]
    checked(world)


def test_a_file_of_unknown_origin_is_left_alone() -> None:
    """Somebody rewrote it and did not say where its rows came from."""
    world = world_of()
    visits(world, "ann")
    by_a_stranger(place_of(world), of_table(place_of(world))[0])
    visits(world, "bob")
    visits(world, "eve")
    assert [one.files for one in run(world)] == [2]
    checked(world)


def test_dead_letters_are_compacted_too() -> None:
    """In the order in which they came; raw files never."""
    world = world_of()
    for _ in range(3):
        visits(world, "ann", "x" * 60, "y" * 70)
    raw = {place for place in world.s3.objects if place[0] == "raw"}
    letters = seen_by_paths(world, "visits_dead_letters")
    found = run(world)
    assert {(one.table, one.files) for one in found} == {("visits_paid", 3), ("visits_dead_letters", 3)}
    assert seen_by_paths(world, "visits_dead_letters") == letters
    assert sum(letters.values()) == 6
    assert {place for place in world.s3.objects if place[0] == "raw"} == raw


def passed(world: World, *commits: str, unloaded: tuple[str, ...] = ()) -> None:
    """The loader's note, once it has these behind it."""
    place = place_of(world)
    links = [link for commit in commits for link in place.standing().links[commit]]
    chains = [[1, world.created_ms, link.chain.shard_id, str(link.end)] for link in links]
    place.log.mark("visits", PASSED, msgspec.json.encode({"chains": chains, "unloaded": unloaded}).decode())


def test_what_the_loader_has_not_passed_is_left_alone() -> None:
    """Files that it holds or keeps in quarantine as well: their rows are in no warehouse."""
    world = world_of()
    commits = [visits(world, f"guest-{number}") for number in range(4)]
    with pytest.raises(SettingsError, match="no loader of pipeline visits has noted"):
        run(world, no_loader=False)
    passed(world, *commits[:3])
    with pytest.raises(SettingsError, match="leave --no-loader out"):
        run(world)
    held = of_table(place_of(world))[1].file
    passed(world, *commits[:3], unloaded=(f"s3://{held.bucket}/{held.key}",))
    assert [(one.files, one.rows) for one in run(world, no_loader=False)] == [(2, 2)]
    checked(world)


@pytest.mark.parametrize("how", ["retired", "compacted"])
def test_who_came_first_wins(how: str) -> None:
    """Planned, then another command takes rows or files out: nothing of ours stands, and the next run is right."""
    world = world_of()
    first = visits(world, "ann")
    visits(world, "bob")
    place = place_of(world)
    position = place.chain.position()
    (group,) = groups(place, RULES, LATER_MS, no_loader=True)
    retired(place_of(world), first) if how == "retired" else run(world)
    standing = seen_by_paths(world)
    with pytest.raises(FencedError, match=r"took .* out of the lake meanwhile"):
        compact_group(place, group, position)
    assert not world.s3.uploads
    assert seen_by_paths(world) == standing
    checked(world)


@pytest.mark.parametrize("how", ["retired", "compacted"])
def test_who_comes_first_right_before_the_transaction_wins(how: str) -> None:
    """All was read and uploaded by then."""
    world = world_of()
    first = visits(world, "ann")
    visits(world, "bob")
    steps = Steps()
    place = place_of(world, steps)
    (group,) = groups(place, RULES, LATER_MS, no_loader=True)

    def other(name: str) -> None:
        if name == "TransactWriteItems":
            steps.before_call = lambda _: None
            retired(place_of(world), first) if how == "retired" else run(world)

    steps.before_call = other
    with pytest.raises(FencedError, match="came first"):
        compact_group(place, group, 0)
    assert not world.s3.uploads
    assert sum(seen_by_paths(world).values()) == (1 if how == "retired" else 2)
    checked(world)


def test_a_file_that_is_pending_still_is_completed() -> None:
    """Its writer died and never came back; the row is the lake's all the same."""
    world = world_of()
    for name in ("ann", "bob"):
        make_pending(world, visits(world, name))
    assert not visible(world)
    run(world)
    assert sum(seen_by_paths(world).values()) == 2


def test_who_took_nothing_of_ours_is_no_hindrance() -> None:
    """A file that landed meanwhile goes with it."""
    world = world_of()
    visits(world, "ann")
    visits(world, "bob")
    place = place_of(world)
    (group,) = groups(place, RULES, LATER_MS, no_loader=True)
    landed_visits(place_of(world), of_table(place)[0], "x")
    compact_group(place, group, 0)
    assert place.chain.position() == 2
    checked(world)


def test_a_rewound_commit_leaves_the_compacted_file() -> None:
    """And what is left of that file is compacted as before."""
    world = world_of()
    commits = [visits(world, f"guest-{number}") for number in range(4)]
    run(world)
    retired(place_of(world), *commits[:2])
    visits(world, "eve")
    run(world)
    assert sum(seen_by_paths(world).values()) == 3
    checked(world)


def test_death_at_any_step_leaves_all_rows_once() -> None:
    """What readers of the log see never changes; those of paths are right again once somebody settles."""
    died = 0
    for step in range(600):
        world = world_of()
        visits(world, "ann", "bob")
        visits(world, "eve")
        before = seen_by_log(world)
        steps = Steps(crash_at=step)
        try:
            run(world, steps=steps)
        except Crash:
            died += 1
            settle(place_of(world))
            assert seen_by_log(world) == before
            checked(world)
            run(world)
        assert seen_by_log(world) == before
        checked(world)
        assert len(of_table(place_of(world))) == 1
        if step > 2 * steps.calls:
            break
    assert died > 40


def test_a_reader_beside_it_misses_nothing() -> None:
    """At each call of the command, whoever reads the log finds every file that it names, or that one is replaced."""
    world = world_of()
    for number in range(3):
        visits(world, f"guest-{number}")
    rows = set(seen_by_paths(world))
    steps = Steps()
    looked = 0

    def look(_name: str) -> None:
        nonlocal looked
        looked += 1
        assert set(seen_by_paths(world)) >= rows

    place = place_of(world, steps)
    steps.before_call = look
    list(compact(place, RULES, LATER_MS, no_loader=True, dry_run=False))
    assert looked > 20
    checked(world)


@pytest.mark.parametrize("group_rows", [3, 7, 1000])
def test_row_groups_are_cut_anywhere(monkeypatch: pytest.MonkeyPatch, group_rows: int) -> None:
    """The merge takes from each file what is due, however little at a time."""
    for name, value in {"ROW_GROUP_ROWS": group_rows, "_BUFFERED_ROWS": 4, "_LEAST_ROWS": 2}.items():
        monkeypatch.setattr(merging, name, value)
    world = world_of()
    for number in range(5):
        visits(world, *(f"guest-{number}-{i}" for i in range(2 * number + 1)))
    before = seen_by_paths(world)
    run(world)
    assert seen_by_paths(world) == before
    (whole,) = of_table(place_of(world))
    rows = pq.ParquetFile(io.BytesIO(world.s3.objects[whole.file.bucket, whole.file.key].body)).read().to_pylist()
    assert rows == sorted(rows, key=lambda row: (row["till"], row["event_time"]))


def test_a_file_in_another_order_is_sorted() -> None:
    """The table was sorted by something else when it was written."""
    world = world_of()
    visits(world, "a", "b", "c", "d")
    unsorted_landing(place_of(world))
    run(world)
    origins = [pq.ParquetFile(io.BytesIO(world.s3.objects[one.file.bucket, one.file.key].body)).read().to_pylist()
               for one in of_table(place_of(world))]  # fmt: skip
    assert len(origins) == 2
    for rows in origins:
        assert rows == sorted(rows, key=lambda row: (row["till"], row["event_time"]))


def unsorted_landing(place: Place) -> None:
    source = of_table(place)[0]
    landed_visits(place, source, "x", Landed.REVERSED)
    landed_visits(place, source, "y", Landed.REVERSED)


def test_more_files_than_one_commit_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """They become as many commits as it takes, and in the end one file."""
    from headrace_batch.compaction import planning

    monkeypatch.setattr(planning, "MAX_FILES", 3)
    world = world_of()
    for number in range(8):
        visits(world, f"guest-{number}")
    run(world)
    assert len(of_table(place_of(world))) == 1
    kinds = {commit.kind for commit in place_of(world).chain.after(0)}
    assert kinds == {CommitKind.COMPACTION}
    assert committing.SETTLED in place_of(world).log.marks("visits")
    checked(world)
