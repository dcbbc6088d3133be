"""Files written anew: fewer rows, all else as it was, and known for what they are ever after."""

from __future__ import annotations

import io
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_batch.committing import Draft, commit, new_attempt, upload
from headrace_batch.place import Place
from headrace_batch.rewriting import (
    Origin,
    Rewriting,
    StandingFile,
    opened_file,
    provenance,
    rewritten,
    standing_files,
    without_commits,
)
from headrace_consumers.commitlog.model import Commit, CommitKind
from headrace_consumers.lake.objects import EncodedFile
from tests.batch.upkeep.yard import named, place_of, seen_by_log, seen_by_paths, visible, visits, world_of
from tests.faults.simulation import World


def of_table(place: Place, table: str = "visits_paid") -> list[StandingFile]:
    return [one for one in standing_files(place.standing()) if one.file.table == table]


def merged(place: Place) -> Commit:
    """All rows of the table in one file, as compaction does it."""
    sources, attempt_id = of_table(place), new_attempt(place)
    tables = [opened_file(place, source).read() for source in sources]
    new = Rewriting(tables[0].schema, Origin.STREAM)
    new.write(pa.concat_tables(tables).sort_by([("till", "ascending"), ("event_time", "ascending")]))
    files = upload(place, new.close(sources[0].file, "processed", attempt_id), attempt_id)
    draft = Draft(
        attempt_id=attempt_id,
        kind=CommitKind.COMPACTION,
        files=files,
        replaces=tuple(source.replaced for source in sources),
    )
    return commit(place, draft, place.chain.position(), lambda _: True)


def retired(place: Place, *commit_ids: str) -> Commit:
    """What a rewind and a backfill do of it."""
    attempt_id = new_attempt(place)
    others = without_commits(place, place.standing(), commit_ids, attempt_id)
    draft = Draft(
        attempt_id=attempt_id,
        kind=CommitKind.BACKFILL,
        files=upload(place, others.files, attempt_id),
        retires=commit_ids,
        replaces=others.replaces,
    )
    return commit(place, draft, place.chain.position(), lambda _: True)


def ids(world: World) -> set[str]:
    return {str(dict(row)["commit_id"]) for row in seen_by_paths(world)}


def test_rows_of_a_retired_commit_leave_the_file_that_they_were_merged_into() -> None:
    """The others stay as they were, each with its own commit; no reader sees another thing than the log says."""
    world = world_of()
    commits = [visits(world, "ann", "bob"), visits(world, "eve"), visits(world, "ann", "joe")]
    before = seen_by_paths(world)
    merged(place_of(world))
    assert seen_by_paths(world) == before
    retired(place_of(world), commits[0])
    assert ids(world) == set(commits[1:])
    assert seen_by_paths(world) == seen_by_log(world)
    assert before - seen_by_paths(world) == {row: 1 for row in before if dict(row)["commit_id"] == commits[0]}
    assert visible(world) == named(place_of(world).standing())


def test_a_file_without_rows_is_no_file() -> None:
    """What would be empty is replaced by nothing."""
    world = world_of()
    commits = [visits(world, "ann"), visits(world, "eve")]
    merged(place_of(world))
    others = without_commits(place_of(world), place_of(world).standing(), commits, "0" * 28)
    assert (len(others.replaces), others.files) == (1, ())
    retired(place_of(world), *commits)
    assert not seen_by_paths(world)
    assert visible(world) == named(place_of(world).standing())


def test_rows_that_a_retired_commit_only_carried_stay() -> None:
    """A backfill wrote a merged file anew, and is itself retired: the rows in that file are other commits'."""
    world = world_of()
    commits = [visits(world, "ann", "bob"), visits(world, "eve")]
    merged(place_of(world))
    first = retired(place_of(world), commits[0])
    retired(place_of(world), first.attempt_id)
    assert ids(world) == {commits[1]}
    assert visible(world) == named(place_of(world).standing())


def test_who_is_in_no_rewritten_file_costs_nothing() -> None:
    """Its own files leave with it; nothing is written anew."""
    world = world_of()
    visits(world, "ann")
    merged(place_of(world))
    later = visits(world, "eve")
    place = place_of(world)
    assert without_commits(place, place.standing(), [later], "0" * 28) == without_commits(
        place, place.standing(), [], "0" * 28
    )
    assert not without_commits(place, place.standing(), [later], "0" * 28).replaces


def test_all_but_the_rows_is_as_it_was() -> None:
    """Schema with what it says of fields, contract, order, statistics, compression."""
    world = world_of()
    visits(world, *(f"guest-{number}" for number in range(50)))
    place = place_of(world)
    (source,) = of_table(place)
    result = rewritten(place, source, lambda rows: pa.array([n % 2 == 0 for n in range(len(rows))]), "1" * 28)
    (new,) = result.files
    old_file, new_file = opened_file(place, source), pq.ParquetFile(pa.BufferReader(new.body))
    assert new_file.schema_arrow.equals(old_file.schema_arrow.remove_metadata(), check_metadata=False)
    assert [f.metadata for f in new_file.schema_arrow] == [f.metadata for f in old_file.schema_arrow]
    said, before = new_file.schema_arrow.metadata, old_file.schema_arrow.metadata
    assert said[b"headrace.contract"] == before[b"headrace.contract"] == b"visit.paid.v1"
    assert said[b"headrace.attempt_id"] == b"1" * 28
    assert new_file.metadata.metadata[b"headrace.attempt_id"] == b"1" * 28
    assert new_file.read().to_pylist() == old_file.read().to_pylist()[::2]
    column = new_file.metadata.row_group(0).column(0)
    assert (column.compression, column.statistics.has_min_max) == ("ZSTD", True)
    assert (new.rows, new.rewritten, new.table, new.zone) == (25, True, "visits_paid", "processed")


def test_what_left_is_in_no_dictionary() -> None:
    """A value that was erased must not survive among a column's distinct values."""
    world = world_of()
    visits(world, *(f"guest-{number}" for number in range(20)))
    place = place_of(world)
    (source,) = of_table(place)
    result = rewritten(place, source, lambda rows: pa.compute.not_equal(rows["guest"], "guest-7"), "1" * 28)
    found = pq.ParquetFile(io.BytesIO(result.files[0].body), read_dictionary=["guest"]).read()["guest"]
    values = {value for chunk in found.chunks for value in chunk.dictionary.to_pylist()}
    assert values == {f"guest-{number}" for number in range(20)} - {"guest-7"}


def test_where_rows_came_from_is_known_without_their_commits() -> None:
    """The footer says it; of a file that says nothing, its rows say whose they are."""
    world = world_of()
    commits = {visits(world, "ann"), visits(world, "eve")}
    place = place_of(world)
    assert {provenance(place, one).origin for one in of_table(place)} == {Origin.STREAM}
    merged(place)
    (whole,) = of_table(place)
    assert provenance(place, whole).commit_ids == commits
    assert provenance(place, whole).origin is Origin.STREAM
    stranger = by_a_stranger(place, whole)
    assert provenance(place, stranger).commit_ids == commits
    assert provenance(place, stranger).origin is Origin.UNKNOWN


def by_a_stranger(place: Place, source: StandingFile) -> StandingFile:
    rows = opened_file(place, source).read().replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    attempt_id = new_attempt(place)
    file = EncodedFile(
        "visits_paid", source.file.partition, "processed", f"visits_paid/x/{attempt_id}", len(rows),
        memoryview(sink.getvalue()), rewritten=True,
    )  # fmt: skip
    draft = Draft(attempt_id=attempt_id, kind=CommitKind.REDRIVE, files=upload(place, [file], attempt_id),
                  replaces=(source.replaced,))  # fmt: skip
    commit(place, draft, place.chain.position(), lambda _: True)
    (found,) = of_table(place)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_partials_go_with_their_commit(seed: int) -> None:
    """They name no commit in their rows: one that was rewritten stays one commit's, and leaves whole."""
    world = world_of()
    commits = [visits(world, "ann", "bob"), visits(world, "eve", "bob")]
    place, attempt_id = place_of(world), ""
    for source in of_table(place, "visits_partials"):
        attempt_id = new_attempt(place)
        part = rewritten(place, source, lambda rows: pa.compute.not_equal(rows["guest"], "bob"), attempt_id)
        draft = Draft(attempt_id=attempt_id, kind=CommitKind.FORGET, replaces=part.replaces,
                      files=upload(place, part.files, attempt_id))  # fmt: skip
        commit(place, draft, place.chain.position(), lambda _: True)
    gone = random.Random(seed).choice(commits)
    retired(place_of(world), gone)
    left: Any = [provenance(place, one).commit_ids for one in of_table(place_of(world), "visits_partials")]
    assert left == [frozenset(set(commits) - {gone})]
