"""What a load has to change of earlier ones, as batch commits say it."""

from __future__ import annotations

from headrace_consumers.commitlog.model import Chain, Commit, CommitKind, Erasure, Replaced
from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.lake.rewritten import mark_of
from headrace_consumers.load.amendments import amendments_of, replacements_of
from headrace_consumers.load.passed import decode, encode
from headrace_consumers.load.places import keyed_windows, places_of
from headrace_consumers.load.waiting import ChainPosition, LakeFile, Waiting
from headrace_consumers.settings import LakeSettings
from tests.consumers.windows_service.windowed import windowed

PLACES = places_of(windowed, LakeSettings())
DIGEST = "0f" * 32


def batch_commit(number: int, kind: CommitKind, *files: PendingFile, **more: object) -> Commit:
    return Commit(
        attempt_id=f"b{number}", pipeline="tides", generation=0, files=files, shards=("batch",), contracts=(),
        code_version="test", written_ms=0, kind=kind, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def file(key: str, table: str = "tides", bucket: str = "headrace-processed", *, rewritten: bool = False) -> PendingFile:
    return PendingFile(table, "", bucket, key, 3, 100, "", "upload", (), rewritten)


def test_a_forgotten_value_goes_from_windows_that_have_it_as_a_key() -> None:
    erased = Erasure("tides", "station", DIGEST)
    forget = batch_commit(1, CommitKind.FORGET, erases=(erased, Erasure("tides", "note", DIGEST)))
    found = amendments_of([forget, forget], [], PLACES, keyed_windows(windowed)).erases
    windows = [Erasure(window, "station", DIGEST) for window in ("hours", "hops", "visits")]
    assert found == (erased, *windows, Erasure("tides", "note", DIGEST))


def gone(key: str, table: str = "tides", bucket: str = "headrace-processed") -> LakeFile:
    return LakeFile("s1", table, bucket, key, 0, 0)


def replaced(*files: LakeFile) -> tuple[Replaced, ...]:
    return tuple(Replaced(one.commit_id, one.table, one.bucket, one.key) for one in files)


def test_only_files_of_the_warehouse_are_amended() -> None:
    """Letters, partials and raw records are replaced in the lake alone."""
    old = (gone("d/a"), gone("d/b", bucket="headrace-raw"), gone("d/c", "tides_dead_letters"))
    files = [file("d/d", rewritten=True), file("d/e"), file("d/f", "tides_dead_letters", rewritten=True)]
    commit = batch_commit(1, CommitKind.COMPACTION, *files, replaces=replaced(*old))
    [found] = replacements_of(commit, PLACES)
    assert (found.by, found.gone, found.is_clear) == ("b1", old[:1], True)
    assert found.new is not None
    assert (found.new.key, found.new.rewritten) == ("d/d", True)
    waiting = Waiting(PLACES)
    waiting.add_batch(commit, 1, 0.0)
    assert [one.key for one in waiting.files] == ["d/d", "d/e"]


def test_a_compaction_makes_one_file_of_all_in_a_folder() -> None:
    """Also where its name says which one it is modelled on."""
    old = [gone("d/a"), gone("d/b"), gone("e/a")]
    files = [file(f"d/x-{mark_of('d/a')}.parquet", rewritten=True), file("e/x", rewritten=True)]
    found = replacements_of(batch_commit(1, CommitKind.COMPACTION, *files, replaces=replaced(*old)), PLACES)
    assert [(one.gone, one.new and one.new.key) for one in found] == [
        ((old[0], old[1]), files[0].key),
        ((old[2],), files[1].key),
    ]


def test_files_that_are_written_anew_one_by_one_are_told_apart_by_their_names() -> None:
    """Of one nothing is left."""
    old = [gone("d/a"), gone("d/b"), gone("d/c")]
    files = [file(f"d/x-{mark_of(key)}.parquet", rewritten=True) for key in ("d/c", "d/a")]
    found = replacements_of(batch_commit(1, CommitKind.FORGET, *files, replaces=replaced(*old)), PLACES)
    assert {one.gone: one.new and one.new.key for one in found} == {
        (old[0],): files[1].key,
        (old[1],): None,
        (old[2],): files[0].key,
    }


def test_files_of_which_nothing_tells_what_they_stand_for() -> None:
    """Two of them, and whatever they are called."""
    files = [file("d/x", rewritten=True), file("d/y", rewritten=True)]
    old = (gone("d/a"), gone("d/b"))
    [found] = replacements_of(batch_commit(1, CommitKind.FORGET, *files, replaces=replaced(*old)), PLACES)
    assert (found.gone, found.new, found.is_clear) == (old, None, False)


def test_a_note_that_would_be_too_long_is_none() -> None:
    """The one before it says less, which is safe; positions are numbers of any size."""
    far = 2**190
    chain = Chain("tides", 3, 7, "shard")
    note = encode({chain: ChainPosition(far)}, ["s3://one/file"])
    assert note is not None
    assert decode(note).reaches(chain, far)
    assert not decode(note).reaches(chain, far + 1)
    assert decode(note).unloaded == ("s3://one/file",)
    assert encode({chain: ChainPosition(far)}, [f"s3://one/{number}" for number in range(1_001)]) is None
