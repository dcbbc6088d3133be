"""Landing one file: rows, letters, the original, and each content once."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from headrace_batch.committing import settle
from headrace_batch.landing.landing import fence_name, land
from headrace_batch.landing.verdicts import Outcome, Verdict
from headrace_consumers.aws_retry import patience
from headrace_consumers.commitlog.model import CommitKind
from headrace_consumers.errors import FencedError
from headrace_producers.errors import SettingsError, TransientError
from tests.batch.landing.harbour import CAME, DEPOTS, Harbour, Sent, crates, csv_of, source
from tests.fakes.steps import Crash, Steps

HEADER = "weighed_at,depot,grams,volume,fee,is_fragile,due,kind"
RIGHT = [
    "2024-05-01T10:00:00Z,North,1200,0.5,12.30,true,2024-05-03,box",
    '2024-05-02T11:30:00+02:00,"South, ""Old""",,,,,,',
]
WRONG = [
    "2024-05-02T11:30:00Z,East,heavy,,,,,",
    "2024-05-02T11:30:00Z,East,1,,,,",
    "2024-05-02T11:30:00Z,East,90001,,,,,",
    "2024-05-02T11:30:00Z,East,1,,,,2024-02-30,",
    "2024-05-02T11:30:00Z,,1,,,,,",
    '2024-05-02T11:30:00Z,Ea"st,1,,,,,',
    "2024-05-02T11:30:00,East,1,,,,,",
    "2024-05-02T11:30:00Z,East,1,,,,,bag",
]
SCALES = source()


@pytest.fixture
def harbour() -> Harbour:
    return Harbour(crates(SCALES))


def test_rows_and_letters_of_one_file_are_one_commit(harbour: Harbour) -> None:
    """Each bad row is a letter with its bytes and its place; its neighbours land."""
    body = csv_of(HEADER, [RIGHT[0], *WRONG, RIGHT[1]])
    verdict = land(harbour.place(), SCALES, Sent(body))
    assert (verdict.outcome, verdict.rows, verdict.letters) == (Outcome.LANDED, 2, len(WRONG))
    first, second = harbour.rows("crates")
    digest = hashlib.sha256(body).hexdigest()
    assert first == {
        "event_id": f"landing/scales/{digest[:32]}/0",
        "event_time": datetime(2024, 5, 1, 10, tzinfo=UTC),
        "weighed_at": datetime(2024, 5, 1, 10, tzinfo=UTC),
        "depot": "North",
        "grams": 1200,
        "volume": 0.5,
        "fee": Decimal("12.30"),
        "is_fragile": True,
        "due": date(2024, 5, 3),
        "kind": "box",
        "shard_id": "landing/scales",
        "sequence_number": digest[:32],
        "record_index": 0,
        "arrival_time": CAME,
        "commit_id": verdict.commit_id,
    }
    assert (second["depot"], second["record_index"], second["grams"]) == ('South, "Old"', len(WRONG) + 1, None)
    assert [
        (letter["record_index"], letter["reason"], letter["field"], letter["payload"].decode(), letter["stage"])
        for letter in harbour.letters()
    ] == [
        (number, reason, field, WRONG[number - 1], "landing")
        for number, (reason, field) in enumerate(
            [
                ("wrong_type", "grams"),
                ("wrong_field_count", None),
                ("out_of_range", "grams"),
                ("wrong_type", "due"),
                ("missing", "depot"),
                ("malformed_row", None),
                ("wrong_type", "weighed_at"),
                ("not_allowed", "kind"),
            ],
            start=1,
        )
    ]
    (commit,) = harbour.place().chain.after(0)
    assert (commit.kind, commit.attempt_id, commit.counts.rows) == (CommitKind.LANDING, verdict.commit_id, 2)
    assert {file.table for file in commit.files} == {
        "crates", "crates_pipeline_dead_letters", "crates_pipeline_partials",
    }  # fmt: skip


def test_the_original_is_kept_by_its_digest(harbour: Harbour) -> None:
    """And stays, whatever becomes of the commit."""
    body = csv_of(HEADER, RIGHT)
    verdict = land(harbour.place(), SCALES, Sent(body))
    key = f"landed/crates_pipeline/scales/{hashlib.sha256(body).hexdigest()}"
    assert verdict.kept == f"s3://raw/{key}"
    assert harbour.s3.objects["raw", key].body == body


def test_a_file_that_is_sent_twice_lands_once(harbour: Harbour) -> None:
    """Under another name, and at another time, too."""
    body = csv_of(HEADER, RIGHT)
    first = land(harbour.place(), SCALES, Sent(body))
    before = harbour.rows("crates")
    again = land(harbour.place(), SCALES, Sent(body, "other.csv", datetime(2025, 1, 1, tzinfo=UTC)))
    assert (again.outcome, again.commit_id) == (Outcome.LANDED_BEFORE, first.commit_id)
    assert harbour.rows("crates") == before
    assert land(harbour.place(), SCALES, Sent(body + b"\n2024-05-01T10:00:00Z,A,,,,,,\n")).outcome is Outcome.LANDED


def test_a_list_is_as_of_the_files_time_or_as_told(harbour: Harbour) -> None:
    """No column of the file says so."""
    land(harbour.place(), DEPOTS, Sent(b"depot,town\nNorth,Oslo\n"))
    told = datetime(2020, 1, 1, tzinfo=UTC)
    land(harbour.place(), DEPOTS, Sent(b"depot,town\nSouth,\n"), as_of=told)
    assert {(row["depot"], row["as_of"], row["town"]) for row in harbour.rows("depots")} == {
        ("North", CAME, "Oslo"), ("South", told, None),
    }  # fmt: skip


def test_a_header_without_rows_lands_nothing_once(harbour: Harbour) -> None:
    """A day on which nothing was weighed is no fault."""
    verdict = land(harbour.place(), SCALES, Sent(HEADER.encode()))
    assert (verdict.outcome, verdict.rows, verdict.letters) == (Outcome.LANDED, 0, 0)
    assert land(harbour.place(), SCALES, Sent(HEADER.encode())).outcome is Outcome.LANDED_BEFORE


def test_a_dry_run_changes_nothing(harbour: Harbour) -> None:
    """And says what would be."""
    place = harbour.place()
    assert land(place, SCALES, Sent(csv_of(HEADER, [*RIGHT, WRONG[0]])), dry_run=True).outcome is Outcome.WOULD_LAND
    assert land(place, SCALES, Sent(b""), dry_run=True).outcome is Outcome.REFUSED
    assert not harbour.s3.objects
    assert not harbour.s3.uploads
    assert place.chain.position() == 0


def landed_meanwhile(harbour: Harbour, body: bytes, meanwhile: bytes) -> tuple[Verdict, Verdict]:
    """One file lands while another one stands between its uploads and its commit."""
    others: list[Verdict] = []

    def land_other(call: str) -> None:
        if call == "TransactWriteItems" and not begun:
            begun.append(call)
            others.append(land(harbour.place(), SCALES, Sent(meanwhile, "twin.csv")))

    begun: list[str] = []
    mine = land(harbour.place(Steps(before_call=land_other)), SCALES, Sent(body))
    return mine, others[0]


def test_two_that_land_the_same_file_at_once_land_it_once(harbour: Harbour) -> None:
    """Both say which commit it was, and what the second had uploaded is gone."""
    body = csv_of(HEADER, RIGHT)
    mine, other = landed_meanwhile(harbour, body, body)
    assert (other.outcome, mine.outcome) == (Outcome.LANDED, Outcome.LANDED_BEFORE)
    assert mine.commit_id == other.commit_id
    assert len(harbour.rows("crates")) == 2
    assert not harbour.s3.uploads


def test_two_files_at_once_both_land(harbour: Harbour) -> None:
    """One behind the other in the chain: rows of files depend on nothing."""
    mine, other = landed_meanwhile(harbour, *(csv_of(HEADER, [row]) for row in RIGHT))
    assert mine.outcome is other.outcome is Outcome.LANDED
    assert [one.attempt_id for one in harbour.place().chain.after(0)] == [other.commit_id, mine.commit_id]
    assert len(harbour.rows("crates")) == 2


def test_whoever_dies_at_any_step_leaves_what_the_next_one_heals() -> None:
    """Each call of the way, before and after its effect: the rerun ends with the file in the tables once."""
    body = csv_of(HEADER, [*RIGHT, WRONG[0]])
    steps = Steps()
    whole = Harbour(crates(SCALES))
    land(whole.place(steps), SCALES, Sent(body))
    wanted = [{**row, "commit_id": ""} for row in whole.rows("crates")]
    died = 0
    for crash_at in range(2 * steps.calls):
        harbour = Harbour(crates(SCALES))
        try:
            land(harbour.place(Steps(crash_at=crash_at)), SCALES, Sent(body))
        except Crash:
            died += 1
        place = harbour.place()
        settle(place)
        verdict = land(place, SCALES, Sent(body))
        link = place.chain.fence(fence_name("scales", verdict.sha256))
        assert link is not None
        assert verdict.commit_id == link.attempt_id
        assert [{**row, "commit_id": ""} for row in harbour.rows("crates")] == wanted, crash_at
        assert len(harbour.letters()) == 1
    assert died > 10


def test_an_aws_that_is_away_is_no_verdict(harbour: Harbour) -> None:
    """The file is landed again later: nothing of it was refused."""
    steps = Steps()
    place = harbour.place(steps)
    steps.refused = frozenset(range(steps.calls, 10_000))
    with patience(0.2), pytest.raises(TransientError):
        land(place, SCALES, Sent(csv_of(HEADER, RIGHT)))
    assert not harbour.keys("raw", "refused/")
    assert land(harbour.place(), SCALES, Sent(csv_of(HEADER, RIGHT))).outcome is Outcome.LANDED


def test_a_corrected_file_takes_the_place_of_the_wrong_one(harbour: Harbour) -> None:
    """Rows and letters of the first leave in the commit that brings the second's; what else landed stays."""
    first = land(harbour.place(), SCALES, Sent(csv_of(HEADER, [*RIGHT, WRONG[0]])))
    other = land(harbour.place(), SCALES, Sent(csv_of(HEADER, RIGHT[:1])))
    mended = csv_of(HEADER, [*RIGHT, WRONG[0].replace("heavy", "7")])
    second = land(harbour.place(), SCALES, Sent(mended), instead_of=first.commit_id)
    assert second.outcome is Outcome.LANDED
    found = Counter(row["commit_id"] for row in harbour.rows("crates"))
    assert found == {other.commit_id: 1, second.commit_id: 3}
    assert harbour.letters() == []
    assert harbour.place().standing().retired == {first.commit_id: second.commit_id}


def test_only_a_file_of_the_same_table_is_replaced(harbour: Harbour) -> None:
    """Neither one that is out already, nor what something else brought; nothing changes then."""
    first = land(harbour.place(), DEPOTS, Sent(b"depot,town\nNorth,Oslo\n"))
    body = csv_of(HEADER, RIGHT)
    with pytest.raises(SettingsError, match="landed no file of table crates"):
        land(harbour.place(), SCALES, Sent(body), instead_of=first.commit_id)
    with pytest.raises(SettingsError, match="is not in the log"):
        land(harbour.place(), SCALES, Sent(body), instead_of="nobody")
    land(harbour.place(), DEPOTS, Sent(b"depot,town\nNorth,Bergen\n"), instead_of=first.commit_id)
    with pytest.raises(SettingsError, match="was taken out before"):
        land(harbour.place(), DEPOTS, Sent(b"depot,town\nNorth,Moss\n"), instead_of=first.commit_id)
    assert [row["town"] for row in harbour.rows("depots")] == ["Bergen"]


def test_of_two_corrections_at_once_one_stands(harbour: Harbour) -> None:
    """The other is told, and its rows are in no table."""
    wrong = land(harbour.place(), SCALES, Sent(csv_of(HEADER, RIGHT[:1]))).commit_id
    begun: list[str] = []

    def correct(call: str) -> None:
        if call == "TransactWriteItems" and not begun:
            begun.append(call)
            land(harbour.place(), SCALES, Sent(csv_of(HEADER, RIGHT)), instead_of=wrong)

    with pytest.raises(FencedError, match="came first"):
        land(harbour.place(Steps(before_call=correct)), SCALES, Sent(csv_of(HEADER, RIGHT[1:])), instead_of=wrong)
    assert len(harbour.rows("crates")) == 2
    assert not harbour.s3.uploads
