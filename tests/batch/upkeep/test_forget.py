"""One person leaves: every row, letter and keyed window; nobody else's; and nothing of the person comes back."""

from __future__ import annotations

import io

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace_batch.backfill.leaving_out import LeftOut, without
from headrace_batch.committing import settle
from headrace_batch.forget import forgetting
from headrace_batch.forget.forgetting import Forgetting
from headrace_batch.forget.forgotten import Person, digest, has_digest, person, tell_digest
from headrace_consumers.commitlog.following import Lineage
from headrace_consumers.commitlog.model import CommitKind, Erasure
from headrace_consumers.errors import FencedError
from headrace_consumers.records import KinesisRecord, ShardRecords
from headrace_consumers.stages import stage_batch
from headrace_consumers.stages.staged import ShardStart
from headrace_consumers.windows_service.service import WindowsPlan, WindowsService
from headrace_producers.errors import SettingsError, TerminalError
from tests.batch.upkeep.test_compaction import checked, passed, run
from tests.batch.upkeep.test_rewriting import of_table, retired
from tests.batch.upkeep.yard import (
    KEPT,
    VISITS,
    landed_visits,
    named,
    paid,
    place_of,
    rows_at,
    seen_by_log,
    seen_by_paths,
    stream_commit,
    visible,
    visits,
    world_of,
)
from tests.fakes.steps import Crash, Steps
from tests.faults.simulation import World

ANN = "ann@example.org"


def ann() -> Person:
    return person(VISITS, "visits_paid", "guest", ANN)


def forget(world: World, steps: Steps | None = None, *, no_loader: bool = True) -> dict[str, int]:
    work = Forgetting(place=place_of(world, steps), buckets=KEPT, person=ann(), reason="asked by mail")
    return {one.table: one.rows for one in work.done(no_loader=no_loader)}


def guests(world: World, table: str = "visits_paid") -> list[str]:
    return sorted(str(row["guest"]) for row in rows_at(world, visible(world), table))


def decoded_bytes(world: World) -> bytes:
    """All that visible files hold, dictionaries included."""
    found = b""
    for place in visible(world):
        file = pq.ParquetFile(io.BytesIO(world.s3.objects[place].body)) if place[1].endswith(".parquet") else None
        if file is not None:
            texts = [one.name for one in file.schema_arrow if pa.types.is_string(one.type)]
            coded = pq.ParquetFile(io.BytesIO(world.s3.objects[place].body), read_dictionary=texts).read()
            chunks = [chunk for name in texts for chunk in coded[name].chunks]
            found += repr([chunk.dictionary.to_pylist() for chunk in chunks]).encode()
            found += repr(coded.to_pylist()).encode() + repr(file.metadata.to_dict()).encode()
    return found


def peopled() -> World:
    """Two partitions, a compacted file, a late row, letters: Ann is in all of them."""
    world = world_of()
    visits(world, ANN, "bob", ANN)
    visits(world, "eve", "bob")
    run(world)
    visits(world, "eve", ANN)
    visits(world, ANN, "joe", days_ago=2)
    letter(world, ANN)
    letter(world, "bob")
    return world


def letter(world: World, guest: str) -> None:
    """An event that the contract refuses: its till is empty."""
    event_id = f"event-{next(world.event_ids)}"
    stream_commit(world, {event_id: paid(event_id, guest, world.now_ms, till="")})


def test_nothing_of_the_person_is_left() -> None:
    """In rows, letters, late letters and partials, nor in a dictionary or a statistic; all others' rows are as they
    were."""
    world = peopled()
    others = {row: times for row, times in seen_by_paths(world).items() if dict(row)["guest"] != ANN}
    assert ANN.encode() in decoded_bytes(world)
    found = forget(world)
    assert found == {
        "visits_dead_letters": 1,
        "visits_late": 1,
        "visits_partials": 2,
        "visits_paid": 4,
    }
    assert ANN.encode() not in decoded_bytes(world)
    assert seen_by_paths(world) == others
    checked(world)
    assert len(list(rows_at(world, visible(world), "visits_dead_letters"))) == 1
    assert len(list(rows_at(world, visible(world), "visits_late"))) == 1


def test_the_log_has_the_digest_alone() -> None:
    """And why, and that raw records stay."""
    world = peopled()
    raw = {place: found.body for place, found in world.s3.objects.items() if place[0] == "raw"}
    forget(world)
    (commit,) = [one for one in place_of(world).chain.after(0) if one.kind is CommitKind.FORGET]
    assert commit.erases == (Erasure("visits_paid", "guest", digest(ANN)),)
    assert commit.record == "asked by mail"
    assert all(file.rewritten for file in commit.files)
    assert ANN not in repr(world.dynamo.items)
    assert {place: found.body for place, found in world.s3.objects.items() if place[0] == "raw"} == raw


def test_once_more_finds_only_what_is_new() -> None:
    """Nothing new: nothing is committed. New events of the person: they go as well."""
    world = peopled()
    forget(world)
    position = place_of(world).chain.position()
    assert forget(world) == {}
    assert place_of(world).chain.position() == position
    visits(world, ANN, "bob")
    assert forget(world)["visits_paid"] == 1
    assert ANN not in guests(world)
    checked(world)


def test_a_person_without_events_is_on_the_list_all_the_same() -> None:
    """Records that are staged once more, and letters that are mended, may bring some."""
    world = world_of()
    visits(world, "bob")
    assert forget(world) == {}
    (commit,) = place_of(world).chain.after(0)
    assert commit.erases == (ann().erasure,)
    assert commit.files == ()


def test_a_dry_run_changes_nothing() -> None:
    """It tells what the command would do."""
    world = peopled()
    objects, items = dict(world.s3.objects), dict(world.dynamo.items)
    planned = Forgetting(place=place_of(world), buckets=KEPT, person=ann(), reason="").planned(no_loader=True)
    assert (world.s3.objects, world.dynamo.items) == (objects, items)
    assert {one.table: one.rows for one in planned} == forget(world)


def windows_of(world: World) -> None:
    """The windows service, until it has nothing to do."""
    log, store = world.clients(Steps())
    plan = WindowsPlan(
        lineage=Lineage("visits", 1, world.created_ms),
        windows=VISITS.windows,
        contracts={table.name: table.contract for table in VISITS.tables},
        early_every_s=1.0,
    )
    service = WindowsService(plan, log, store, world, now_ms=lambda: world.now_ms, owner="w")
    while service.step().more:
        continue


def test_windows_that_are_keyed_by_the_person_are_erased() -> None:
    """Those that are out, in files of the windows service; the other keys' rows stay as they were."""
    world = world_of()
    visits(world, ANN, "bob")
    world.now_s += 3 * 86_400
    visits(world, "eve")
    windows_of(world)
    assert ANN in guests(world, "guests_daily")
    others = [row for row in rows_at(world, visible(world), "guests_daily") if row["guest"] != ANN]
    forget(world)
    assert list(rows_at(world, visible(world), "guests_daily")) == others
    assert ANN.encode() not in b"".join(repr(row).encode() for row in rows_at(world, visible(world), "visits_partials"))
    assert forget(world) == {}


def test_death_at_any_step_is_finished_by_the_next_run() -> None:
    """Also where it takes several commits; others' rows are there at any moment."""
    died = 0
    for step in range(0, 4_000, 11):
        world = peopled()
        others = {row for row in seen_by_log(world) if dict(row)["guest"] != ANN}
        steps = Steps(crash_at=step)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(forgetting, "MAX_FILES", 2)
            try:
                forget(world, steps)
            except Crash:
                died += 1
                settle(place_of(world))
                assert others <= set(seen_by_log(world))
                checked(world)
                forget(world)
        assert ANN.encode() not in decoded_bytes(world)
        assert set(seen_by_log(world)) == others
        checked(world)
        if step > 2 * steps.calls:
            break
    assert died > 10


def test_what_the_loader_has_not_passed_cannot_be_forgotten_yet() -> None:
    """It would never load the others' rows of that file. Letters and partials it does not load."""
    world = world_of()
    first, second = visits(world, ANN, "bob"), visits(world, ANN)
    passed(world, first)
    with pytest.raises(TerminalError, match=f"has not passed commit {second} yet"):
        forget(world, no_loader=False)
    assert ANN in guests(world)
    passed(world, first, second)
    forget(world, no_loader=False)
    assert guests(world) == ["bob"]


def test_who_brings_the_person_meanwhile_is_not_overlooked() -> None:
    """A file that lands between the search and the commit may have the person: the command is to be run again."""
    world = world_of()
    visits(world, ANN, "bob")
    steps = Steps()

    def land(name: str) -> None:
        if name == "TransactWriteItems":
            steps.before_call = lambda _: None
            landed_visits(place_of(world), of_table(place_of(world))[0], "x")

    steps.before_call = land
    with pytest.raises(FencedError, match="run the command again"):
        forget(world, steps)
    forget(world)
    assert guests(world) == ["bob", "bob"]
    checked(world)


def test_a_commit_whose_rows_were_rewritten_can_be_retired() -> None:
    """Its remaining rows leave with it, and its partials."""
    world = world_of()
    first = visits(world, ANN, "bob")
    visits(world, "eve")
    forget(world)
    retired(place_of(world), first)
    assert guests(world) == ["eve"]
    assert [row["guest"] for row in rows_at(world, visible(world), "visits_partials")] == ["eve"]
    assert visible(world) == named(place_of(world).standing())


@pytest.mark.parametrize(
    ("table", "column", "sentence"),
    [
        ("visits_paid", "till", "does not mark 'till' as personal data; marked are: guest"),
        ("visits_paid", "nothing", "marked are: guest"),
        ("nothing", "guest", "has no table 'nothing'; its tables are visits_paid"),
    ],
)
def test_only_personal_columns_name_a_person(table: str, column: str, sentence: str) -> None:
    """The sentence names those that are marked; the value it does not tell."""
    with pytest.raises(SettingsError) as told:
        person(VISITS, table, column, ANN)
    assert sentence in str(told.value)
    assert ANN not in str(told.value)
    assert ANN not in repr(ann())


def test_letters_are_judged_by_what_they_say() -> None:
    """Fields at any depth, escapes undone; what is no JSON is judged by its bytes."""
    who = person(VISITS, "visits_paid", "guest", 'Zoë "Z"')
    event = {"type": "visit.paid.v1", "data": {"guest": 'Zoë "Z"', "cents": "x"}}
    whole = msgspec.json.encode(event)
    assert who.is_told(whole, "visit.paid.v1")
    assert who.is_told(whole.replace("ë".encode(), b"\\u00eb"), None)
    assert who.is_told(whole[:-3], None)
    assert not who.is_told(whole, "other.thing.v1")
    assert not who.is_told(msgspec.json.encode({"data": {"guest": "Zoë", "till": 'Zoë "Z"'}}), None)
    assert not who.is_told(b'{"guest": "Zo', None)


def test_the_forgotten_are_known_by_their_digests() -> None:
    """Of whatever type the column is, coded or not; nulls are nobody's."""
    guests, cents = pa.chunked_array([["ann", None], ["bob", "ann"]]), pa.array([7, 8, 9, 7])
    assert has_digest(guests, {digest("ann")}).to_pylist() == [True, False, False, True]
    assert has_digest(guests.dictionary_encode(), {digest("ann")}).to_pylist() == [True, False, False, True]
    assert has_digest(cents, {digest("9"), digest("8")}).to_pylist() == [False, True, True, False]
    letters = pa.array([b'{"data":{"guest":"ann"}}', b'{"data":{"guest":"bob","by":"ann"}}', b'{"guest":"ann'])
    assert tell_digest(letters, "guest", {digest("ann")}).to_pylist() == [True, False, False]


def test_a_backfill_brings_nobody_back_who_was_forgotten() -> None:
    """Neither as a row, nor as a late letter, nor as a dead one."""
    at_ms = 1_700_000_000_000
    paying = [(ANN, "bar"), ("bob", "bar"), (ANN, ""), ("bob", "")]
    lines = [paid(f"e{number}", guest, at_ms, till) for number, (guest, till) in enumerate(paying)]
    record = KinesisRecord(b"".join(lines), "k", "7", 0, at_ms)
    start = ShardStart({}, at_ms * 1000 + 10 * 3_600_000_000)
    staged = stage_batch(VISITS, [ShardRecords("s", [record])], {"s": start}, 1 << 20)
    assert (len(staged.tables["visits_paid"]), len(staged.dead_letters), len(staged.late_letters)) == (2, 2, 2)
    left = without(LeftOut(erased=(ann().erasure,)), staged)
    assert left.tables["visits_paid"]["guest"].to_pylist() == ["bob"]
    assert (len(left.dead_letters), len(left.late_letters)) == (1, 1)
    assert ANN.encode() not in left.dead_letters["payload"].to_pylist()[0]


def test_windows_that_are_made_after_it_know_nobody() -> None:
    """The service reads the partials as they are now, whether or not it had merged them before."""
    world = world_of()
    visits(world, ANN, "bob")
    forget(world)
    world.now_s += 3 * 86_400
    visits(world, "eve")
    windows_of(world)
    assert guests(world, "guests_daily") == ["bob"]


def test_windows_that_are_made_anew_after_it_know_nobody() -> None:
    """A commit of the same day is retired: what stands of the others is summed again."""
    world = world_of()
    first = visits(world, ANN, "bob")
    visits(world, "bob", "bob")
    world.now_s += 3 * 86_400
    visits(world, "eve")
    windows_of(world)
    forget(world)
    retired(place_of(world), first)
    windows_of(world)
    rows = list(rows_at(world, visible(world), "guests_daily"))
    newest = {row["guest"]: row for row in sorted(rows, key=lambda row: row["revision"])}
    assert newest["bob"]["visits"] == 2
    assert ANN not in newest or newest[ANN]["deleted"]


def test_a_commit_of_which_nothing_is_left_brings_windows_nothing() -> None:
    """Its partials were the person's alone, and were taken out before the service had merged them."""
    world = world_of()
    visits(world, ANN)
    forget(world)
    visits(world, "bob")
    world.now_s += 3 * 86_400
    visits(world, "eve")
    windows_of(world)
    assert guests(world, "guests_daily") == ["bob"]
