"""The table of calls as policies: real actions, on resources that they take, and nothing wider than it must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import hcl2

from tests.deploy.calls.definitions import resource_types
from tests.deploy.calls.readme import README, with_kinds
from tests.deploy.calls.rows import TABLE, Row, read_table, written

ROWS = read_table()
ANYWHERE: Mapping[str, str] = {
    "registry": "GetAuthorizationToken takes no resource: the token is for the account's registry",
    "network_interfaces": "Lambda makes them, and asks for them by no name; the function's own code is kept out",
    "metrics": "GetMetricData takes no resource, and DescribeAlarms tells of composite alarms on all of them alone",
}
"""Kinds that are every resource there is, and why."""
_TYPES: Mapping[str, frozenset[str]] = {
    "stream": frozenset({"stream"}),
    "replay_streams": frozenset({"stream"}),
    "log_table": frozenset({"table"}),
    "lease_tables": frozenset({"table"}),
    "lease_indexes": frozenset({"index"}),
    "unload_objects": frozenset({"object"}),
    "athena": frozenset({"workgroup"}),
    "athena_results": frozenset({"object"}),
    "glue": frozenset({"catalog", "database", "table"}),
    "queue": frozenset({"queue"}),
    "log_groups": frozenset({"log-group", "log-stream"}),
    "secrets": frozenset({"Secret"}),
    "repositories": frozenset({"repository"}),
    "state_machines": frozenset({"statemachine"}),
    "executions": frozenset({"execution"}),
    "task_definitions": frozenset({"task-definition"}),
    "task_roles": frozenset({"role"}),
    "tasks": frozenset({"task"}),
    "services": frozenset({"service"}),
}
"""Of IAM; those of zones go by their endings."""
_ENDINGS = {"_bucket": "bucket", "_objects": "object", "_key": "key"}


def types_of(kind: str) -> frozenset[str]:
    if kind in _TYPES:
        return _TYPES[kind]
    return frozenset(kept for ending, kept in _ENDINGS.items() if kind.endswith(ending))


def wrong_actions(rows: Sequence[Row]) -> Iterator[str]:
    known = resource_types()
    for row in rows:
        for action in row.actions:
            service, _, name = action.partition(":")
            if name not in known.get(service, {}):
                yield f"{row.service}: IAM has no action {action}"
            elif row.on not in ANYWHERE and not known[service][name] & types_of(row.on):
                yield f"{row.service}: {action} takes no {row.on}, but {sorted(known[service][name])}"


def test_every_action_is_iams_and_takes_its_resource() -> None:
    assert list(wrong_actions(ROWS)) == []


def test_a_wrong_action_is_named() -> None:
    row = Row(service="loader", on="stream", call="s3:HeadObject", actions=("s3:HeadObject", "s3:GetObject"), source="")
    assert list(wrong_actions([row])) == [
        "loader: IAM has no action s3:HeadObject", "loader: s3:GetObject takes no stream, but ['object']",
    ]  # fmt: skip


def test_no_action_is_a_pattern() -> None:
    assert [row for row in ROWS if any("*" in action for action in row.actions)] == []


def test_only_what_has_no_name_is_allowed_on_everything() -> None:
    """The module knows these kinds by itself; all others are named by who uses it."""
    said = hcl2.loads((TABLE.parent / "main.tf").read_text())
    [found] = [local["anywhere"] for local in said["locals"] if "anywhere" in local]
    assert {name for name in found if not name.startswith("__")} == ANYWHERE.keys()


def test_rows_that_are_not_heard_say_where_they_are_from() -> None:
    unsaid = [
        row for row in ROWS if not (row.source == "recorded" or row.why or row.source.startswith("https://docs.aws"))
    ]
    assert {row.source for row in unsaid} <= {"obstore"}


def test_the_table_is_written_as_it_is_generated() -> None:
    assert TABLE.read_text() == written(ROWS)


def test_the_readme_names_the_kinds_of_each_service() -> None:
    assert README.read_text() == with_kinds(README.read_text(), ROWS)
