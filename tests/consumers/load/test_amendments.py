"""What a load has to change of earlier ones, as batch commits say it."""

from __future__ import annotations

from headrace_consumers.commitlog.model import Chain, Commit, CommitKind, Erasure, Replaced
from headrace_consumers.lake.objects import PendingFile
from headrace_consumers.load.amendments import Replacement, amendments_of
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
    found = amendments_of([forget, forget], PLACES, keyed_windows(windowed)).erases
    windows = [Erasure(window, "station", DIGEST) for window in ("hours", "hops", "visits")]
    assert found == (erased, *windows, Erasure("tides", "note", DIGEST))


def test_only_files_of_the_warehouse_are_amended() -> None:
    """Letters, partials and raw records are replaced in the lake alone; rewritten files bring no rows."""
    gone = [Replaced("s1", "tides", "headrace-processed", "a"), Replaced("s1", "tides", "headrace-raw", "b"),
            Replaced("s1", "tides_dead_letters", "headrace-processed", "c")]  # fmt: skip
    files = [file("d", rewritten=True), file("e"), file("f", "tides_dead_letters", rewritten=True)]
    commit = batch_commit(1, CommitKind.COMPACTION, *files, replaces=tuple(gone))
    found = amendments_of([commit], PLACES, {})
    assert found.replaced == (Replacement(LakeFile("s1", "tides", "headrace-processed", "a", 0, 0), "b1"),)
    assert found.rewritten == (LakeFile("b1", "tides", "headrace-processed", "d", 0, 100),)
    waiting = Waiting(PLACES)
    waiting.add_batch(commit, 1, 0.0)
    assert [one.key for one in waiting.files] == ["e"]


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
