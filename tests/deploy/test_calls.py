"""The table of calls against a fresh run of the services, against their code, and against IAM's own definition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.calls.checks import (
    missing_permissions,
    unforeseen_calls,
    unheeded_daemon_calls,
    unreachable_calls,
    unused_permissions,
)
from tests.deploy.calls.reached import reached_calls
from tests.deploy.calls.recorded import daemon_rows, recorded_rows
from tests.deploy.calls.recording import LIMIT_S
from tests.deploy.calls.recordings import recording_in
from tests.deploy.calls.rows import RECORDED, Row, read_table
from tests.deploy.calls.services import ENTRIES

TABLE = read_table()
Reached = Mapping[str, Mapping[str, str]]
pytestmark = pytest.mark.timeout(LIMIT_S + 60)


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One for all of pytest's workers."""
    base = tmp_path_factory.getbasetemp()
    return recording_in((base if worker_id == "master" else base.parent) / "calls")


@pytest.fixture(scope="module")
def reached() -> Reached:
    return {service: reached_calls(entries) for service, entries in ENTRIES.items()}


def test_every_call_of_the_run_is_allowed(recording: Path) -> None:
    assert missing_permissions(TABLE, recorded_rows(recording)) == []


def test_nothing_is_allowed_that_no_service_calls(recording: Path) -> None:
    assert unused_permissions(TABLE, recorded_rows(recording)) == []


def test_the_daemon_calls_what_its_documentation_says(recording: Path) -> None:
    heard = daemon_rows(recording)
    assert {row.call for row in heard} >= {"dynamodb:CreateTable", "dynamodb:UpdateItem", "dynamodb:Scan"}
    assert unheeded_daemon_calls(TABLE, heard) == []


def test_every_service_is_heard(recording: Path) -> None:
    """A run in which a service says nothing would let its rows go."""
    assert {row.service for row in recorded_rows(recording)} == ENTRIES.keys()


def test_calls_that_only_faults_make_are_allowed(reached: Reached) -> None:
    assert unforeseen_calls(TABLE, reached) == []


def test_no_call_is_rare_that_the_code_cannot_make(reached: Reached) -> None:
    assert unreachable_calls(TABLE, reached) == []


def test_reading_the_code_comes_to_all_that_was_heard(reached: Reached) -> None:
    """Else it could not be trusted for what was not."""
    assert [row.made for row in TABLE if row.source == RECORDED and row.call not in reached[row.service]] == []


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (Row(service="loader", on="raw_objects", call="s3:PutObject", actions=("s3:PutObject",), source=RECORDED),
         "loader calls s3:PutObject on raw_objects"),
        (Row(service="windows", on="stream", call="kinesis:GetRecords", actions=("kinesis:GetRecords",), source=RECORDED),
         "windows calls kinesis:GetRecords on stream"),
    ],
)  # fmt: skip
def test_a_call_that_is_not_allowed_is_named(row: Row, sentence: str) -> None:
    """With what follows from it: the keys of what it reads and writes."""
    heard = [one for one in TABLE if one.source == RECORDED]
    found = missing_permissions(TABLE, [*heard, row])
    assert found[-1].startswith(sentence) or found[0].startswith(sentence)
    assert all(one.startswith(row.service) for one in found)


def test_an_allowed_call_that_nobody_makes_is_named() -> None:
    heard = [one for one in TABLE if one.source in {RECORDED, "obstore"}]
    added = Row(service="loader", on="raw_objects", call="s3:DeleteObject", actions=("s3:DeleteObject",), source=RECORDED)
    [found] = unused_permissions([*TABLE, added], heard)
    assert found.startswith("loader is allowed s3:DeleteObject on raw_objects for s3:DeleteObject, which it does not call")
