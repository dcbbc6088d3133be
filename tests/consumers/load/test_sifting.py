"""Finding the files to blame by as few COPYs as can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace_consumers.errors import WarehouseStatementError
from headrace_consumers.load.sifting import Budget, Files, is_of_the_file, sift
from headrace_consumers.load.waiting import LakeFile

MANY = 2000


def files(number: int) -> Files:
    return tuple(LakeFile("commit", "tides", "lake", f"tides/{place}.parquet", 1, 1) for place in range(number))


class Copies:
    """Files of which some are bad; a message names the first of them, or none."""

    def __init__(self, bad: set[LakeFile], *, named: bool = False) -> None:
        self.bad, self.named, self.trials = bad, named, 0

    def error(self, part: Files) -> WarehouseStatementError | None:
        found = [file for file in part if file in self.bad]
        return WarehouseStatementError(f"damaged: {found[0].url if self.named else ''}") if found else None

    def trial(self, part: Files) -> WarehouseStatementError | None:
        self.trials += 1
        return self.error(part)


@given(
    number=st.integers(1, 40),
    bad=st.sets(st.integers(0, 39), min_size=1),
    named=st.booleans(),
    trials=st.integers(0, 99),
)
def test_nothing_is_judged_that_was_not_tried(number: int, bad: set[int], *, named: bool, trials: int) -> None:
    """Each file is good, bad or unknown, whatever fails and however many trials there are; good and bad ones are so."""
    every = files(number)
    copies = Copies({every[place % number] for place in bad}, named=named)
    error = copies.error(every)
    assert error is not None
    found = sift(every, error, copies.trial, Budget(trials))
    good, condemned = [file for part in found.good for file in part], [file for file, _ in found.bad]
    assert sorted([*good, *condemned, *found.unknown], key=every.index) == list(every)
    assert not copies.bad & set(good)
    assert set(condemned) <= copies.bad
    assert copies.trials <= trials


@pytest.mark.parametrize(("named", "most"), [(True, 2), (False, 22)])
def test_one_bad_file_of_many(named: bool, most: int) -> None:  # noqa: FBT001
    """By halves of halves; by two trials where the message names it."""
    every = files(MANY)
    copies = Copies({every[1234]}, named=named)
    found = sift(
        every, WarehouseStatementError(f"damaged: {every[1234].url if named else ''}"), copies.trial, Budget(64)
    )
    assert [file for file, _ in found.bad] == [every[1234]]
    assert not found.unknown
    assert copies.trials <= most


def test_what_hinders_all_is_soon_given_up() -> None:
    """Some that fail by themselves are enough where nothing loads."""
    every = files(MANY)
    copies = Copies(set(every))
    found = sift(every, WarehouseStatementError("no"), copies.trial, Budget(64))
    assert copies.trials < 20
    assert not found.good
    assert len(found.bad) + len(found.unknown) == MANY


@pytest.mark.parametrize(
    ("sentence", "sqlstate", "blamed"),
    [
        ("Spectrum Scan Error. File 's3://lake/one.parquet' is not a valid Parquet file", "XX000", True),
        ("S3ServiceException:Access Denied,Status 403,Error AccessDenied", "XX000", False),
        (
            "User arn:aws:redshift:x is not authorized to assume IAM Role arn:aws:iam::1:role/x",
            "XX000",
            False,
        ),
        ("Disk Full", "XX000", False),
        ("canceling statement due to statement timeout", "57014", False),
        ("permission denied for relation tides", "42501", False),
        ("Cannot insert a NULL value into column note", "XX000", False),
        ("The length of the data column note is longer than the length defined in the table", "XX000", False),
    ],
)
def test_whose_fault_it_is(sentence: str, sqlstate: str, blamed: bool) -> None:  # noqa: FBT001
    """Only what a change of the table, of rights or of the warehouse could not mend is the file's own."""
    assert is_of_the_file(WarehouseStatementError(sentence, sqlstate)) == blamed
