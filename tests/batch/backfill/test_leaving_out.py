"""What must not come back with the raw records: letters that were mended, and people who were forgotten."""

from __future__ import annotations

import hashlib

import pytest

from headrace_batch.backfill.staging import Work
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import Commit, Erasure
from tests.batch.backfill.river import River, memory_river
from tests.batch.backfill.runs import run
from tests.batch.backfill.tides import Strict, Wide, forget, pack, redrive, tides

READINGS = [("Dover", 5), ("Dover", -7), ("Brest", 9), ("Brest", -11), ("Dover", 13)]


@pytest.fixture
def river() -> River:
    river = memory_river(tides(Strict))
    river.commit([pack(0, READINGS), pack(100, READINGS)])
    river.commit([pack(200, READINGS)])
    return river


def levels(river: River) -> list[tuple[str, int]]:
    return sorted((row["event_id"], row["level_mm"]) for row in river.rows("tides"))


def dead(river: River) -> list[tuple[str, str, int]]:
    """Positions of the dead letters, oldest first."""
    rows = sorted(river.rows("gauges_dead_letters"), key=lambda row: (int(row["sequence_number"]), row["record_index"]))
    return [(row["shard_id"], row["sequence_number"], row["record_index"]) for row in rows]


def of_the(river: River, number: int) -> Commit:
    """The commit that brought it, live."""
    return [*sorted(river.place().standing().commits.values(), key=lambda one: one.written_ms)][number]


def test_a_wider_contract_makes_rows_of_letters(river: River) -> None:
    """Rows, letters and windows move together."""
    assert (len(levels(river)), len(dead(river))) == (9, 6)
    run(river.place(tides(Wide)))
    assert (len(levels(river)), len(dead(river))) == (15, 0)
    expected = memory_river(tides(Wide))
    expected.commit([pack(0, READINGS), pack(100, READINGS)])
    expected.commit([pack(200, READINGS)])
    assert river.content() == expected.content()


def mend(river: River, place: Place) -> Commit:
    """The last letter of all; it had said -11."""
    [*_, letter] = dead(river)
    return redrive(place, [letter], pack(203, [("Brest", 11)]), of_the(river, 1))


def test_a_letter_that_was_mended_is_neither_row_nor_letter_again(river: River) -> None:
    """Its row stays as it was mended, once; whether the contract took it by now or not."""
    [*others, letter] = dead(river)
    mend(river, river.place())
    for event in (Strict, Wide):
        run(river.place(tides(event)))
        assert ("tide-203", 11) in levels(river)
        assert ("tide-203", -11) not in levels(river)
        assert letter not in dead(river)
    assert dead(river) == []
    assert len(levels(river)) == 15
    assert len(others) == 5


def test_a_letter_that_is_mended_meanwhile_is_left_out_too(river: River) -> None:
    """The unit was staged with the letter in it: it is staged anew."""
    mended = iter([True])

    def meanwhile(_work: Work) -> None:
        if next(mended, False):
            mend(river, river.place())

    run(river.place(tides(Wide)), between=meanwhile)
    assert len(levels(river)) == 15
    assert ("tide-203", -11) not in levels(river)


def test_a_row_that_was_mended_and_compacted_is_known_by_its_commit(river: River) -> None:
    """The redrive's own file is gone; another has its rows, among those of others."""
    mended = mend(river, river.place())
    river.compact("tides")
    assert not [file for file in river.place().standing().commits[mended.attempt_id].files if file.table == "tides"]
    run(river.place(tides(Wide)))
    assert len(levels(river)) == 15
    assert ("tide-203", -11) not in levels(river)


def test_who_was_forgotten_does_not_come_back(river: River) -> None:
    """Of rows, late letters and windows; the digest is all that is known."""
    digest = hashlib.sha256(b"Brest").hexdigest()
    place = river.place(tides(Wide))
    forget(
        place, [Erasure("tides", "station", digest), Erasure("tides", "station", "0" * 64), Erasure("x", "y", digest)]
    )
    progress = run(place)
    assert {row["station"] for row in river.rows("tides")} == {"Dover"}
    assert {row["station"] for row in river.content()["hours"]} == {"Dover"}
    assert progress.counts.rows == 9


def test_who_is_forgotten_meanwhile_does_not_either(river: River) -> None:
    place = river.place(tides(Wide))
    once = iter([True])

    def meanwhile(_work: Work) -> None:
        if next(once, False):
            forget(place, [Erasure("tides", "station", hashlib.sha256(b"Brest").hexdigest())])

    run(place, between=meanwhile)
    assert {row["station"] for row in river.rows("tides")} == {"Dover"}
