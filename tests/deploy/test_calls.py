"""The table of calls against a fresh run of the services, against their code, and against IAM's own definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import pytest
from cyclopts import App

from headrace_batch.cli import app as batch
from headrace_consumers.cli import app as consumers
from headrace_sql.cli import app as sql
from tests.deploy.calls.checks import (
    missing_permissions,
    unforeseen_calls,
    unheeded_daemon_calls,
    unreachable_calls,
    unused_permissions,
)
from tests.deploy.calls.reached import reached_calls
from tests.deploy.calls.recording import LIMIT_S, Heard
from tests.deploy.calls.rows import CODE, HEARD, RECORDED, Row, read_table
from tests.deploy.calls.services import ENTRIES

TABLE = read_table()
HEARD_BEFORE = [row for row in TABLE if row.source in HEARD]
"""By the run that the table was made of."""
Reached = Mapping[str, Mapping[str, str]]
pytestmark = pytest.mark.timeout(LIMIT_S + 60)


@pytest.fixture(scope="module")
def reached() -> Reached:
    return {service: reached_calls(entries) for service, entries in ENTRIES.items()}


def test_every_call_of_the_run_is_allowed(heard: Heard) -> None:
    assert missing_permissions(TABLE, heard.services) == []


def test_nothing_is_allowed_that_no_service_calls(heard: Heard) -> None:
    assert unused_permissions(TABLE, heard.services) == []


def test_the_daemon_calls_what_its_documentation_says(heard: Heard) -> None:
    assert {row.call for row in heard.daemon} >= {"dynamodb:CreateTable", "dynamodb:UpdateItem", "dynamodb:Scan"}
    assert unheeded_daemon_calls(TABLE, heard.daemon) == []


def test_every_service_is_heard(heard: Heard) -> None:
    """A run in which a service says nothing would let its rows go."""
    assert {row.service for row in heard.services} == ENTRIES.keys()


def test_calls_that_only_faults_make_are_allowed(reached: Reached) -> None:
    assert unforeseen_calls(TABLE, reached) == []


def test_no_call_is_rare_that_the_code_cannot_make(reached: Reached) -> None:
    assert unreachable_calls(TABLE, reached) == []


def test_reading_the_code_comes_to_all_that_was_heard(reached: Reached) -> None:
    """Else it could not be trusted for what was not."""
    assert [row.made for row in TABLE if row.source == RECORDED and row.call not in reached[row.service]] == []


def test_every_command_has_a_service_or_calls_nothing() -> None:
    """A new command is told of in services.py, or reading its code comes to no call."""
    told = {entry for entries in ENTRIES.values() for entry in entries}
    untold = {entry for app in (consumers, batch, sql) for entry in commands_of(app)} - told
    assert {entry: reached_calls([entry]) for entry in untold} == {entry: {} for entry in untold}


def commands_of(app: App) -> Iterator[str]:
    for name in app:
        if not name.startswith("-"):
            command = app[name].default_command
            if command is not None:
                yield f"{command.__module__}:{command.__name__}"
            yield from commands_of(app[name])


def heard_row(service: str, call: str, on: str) -> Row:
    return Row(service=service, on=on, call=call, actions=(call,), source=RECORDED)


@pytest.mark.parametrize("said", ["loader s3:PutObject raw_objects", "windows kinesis:GetRecords stream"])
def test_a_call_that_is_not_allowed_is_named(said: str) -> None:
    """With what follows from it: the keys of what it reads and writes."""
    service, call, on = said.split()
    found = missing_permissions(TABLE, [*HEARD_BEFORE, heard_row(service, call, on)])
    assert any(one.startswith(f"{service} calls {call} on {on}") for one in found)
    assert all(one.startswith(service) for one in found)


def test_an_allowed_call_that_nobody_makes_is_named() -> None:
    [found] = unused_permissions([*TABLE, heard_row("loader", "s3:DeleteObject", "raw_objects")], HEARD_BEFORE)
    assert found.startswith("loader is allowed s3:DeleteObject on raw_objects for s3:DeleteObject, which it does not")


def test_a_call_that_reading_the_code_comes_to_is_named_with_the_way(reached: Reached) -> None:
    without = [row for row in TABLE if (row.service, row.call) != ("worker", "s3:AbortMultipartUpload")]
    [found] = unforeseen_calls(without, reached)
    assert found.startswith("worker can come to s3:AbortMultipartUpload by S3Store.abort < Committer.commit < ")


def test_a_rare_call_without_a_way_to_it_is_named(reached: Reached) -> None:
    added = msgspec.structs.replace(heard_row("loader", "s3:ListParts", "raw_objects"), source=CODE)
    [found] = unreachable_calls([*TABLE, added], reached)
    assert found.startswith("rare.py says that loader calls s3:ListParts, and its code comes to none")
