"""Who was forgotten does not come back by a file."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
import pytest

from headrace_batch.committing import Draft, commit, new_attempt, upload
from headrace_batch.forget.forgotten import digest
from headrace_batch.landing import landing
from headrace_batch.landing.landing import land
from headrace_batch.landing.verdicts import Outcome
from headrace_batch.place import Place
from headrace_consumers.commitlog.model import CommitKind, Erasure
from headrace_consumers.errors import FencedError
from headrace_consumers.landing import FileForm, FileFormat, LandingSource
from headrace_consumers.pipeline import LakeTable
from headrace_producers.contracts import column, contract
from tests.batch.landing.harbour import Harbour, Sent, crates


@contract(name="guest.listed", version=1, partition_key="guest", event_time="since")
class GuestListed(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who comes."""

    since: datetime
    guest: Annotated[str, column("Who", personal=True, max_length=40)]
    number: Annotated[int, column("Which key", personal=True, ge=0)] | None = None


GUESTS = LandingSource(
    name="guests", table=LakeTable("guests", GuestListed), form=FileForm(format=FileFormat.NDJSON)
)  # fmt: skip
BODY = b"".join(
    msgspec.json.encode({"since": "2024-05-01T10:00:00Z", "guest": guest, "number": number}) + b"\n"
    for guest, number in [("ann", 1), ("bob", None), ("eve", 7), ("ann", "no number")]
)


@pytest.fixture
def harbour() -> Harbour:
    return Harbour(crates(GUESTS))


def forget(place: Place, column_name: str, value: str, table: str = "guests") -> None:
    draft = Draft(
        attempt_id=new_attempt(place), kind=CommitKind.FORGET, files=(),
        erases=(Erasure(table, column_name, digest(value)),),
    )  # fmt: skip
    commit(place, draft, place.chain.position(), lambda _: True)


def test_rows_and_letters_of_forgotten_people_do_not_land(harbour: Harbour) -> None:
    """By whichever column they are known; the same value in another table is another one's."""
    forget(harbour.place(), "guest", "ann")
    forget(harbour.place(), "number", "7")
    forget(harbour.place(), "guest", "bob", table="crates")
    verdict = land(harbour.place(), GUESTS, Sent(BODY))
    assert (verdict.rows, verdict.letters) == (1, 0)
    assert [row["guest"] for row in harbour.rows("guests")] == ["bob"]
    assert harbour.letters() == []


def test_who_is_forgotten_while_a_file_lands_does_not_land(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is to be landed again; then it has them no more."""
    with monkeypatch.context() as patch:

        def upload_late(place: Place, *rest: object) -> object:
            done = upload(place, *rest)  # type: ignore[arg-type]
            forget(harbour.place(), "guest", "eve")
            return done

        patch.setattr(landing, "upload", upload_late)
        with pytest.raises(FencedError):
            land(harbour.place(), GUESTS, Sent(BODY))
    assert harbour.rows("guests") == []
    assert land(harbour.place(), GUESTS, Sent(BODY)).outcome is Outcome.LANDED
    assert [row["guest"] for row in harbour.rows("guests")] == ["ann", "bob"]
