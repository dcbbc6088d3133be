"""What is wrong with a table of calls. Each check gives sentences; none where all is well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.deploy.calls.rare import NEVER_MADE
from tests.deploy.calls.rows import CODE, Row
from tests.deploy.calls.table import make_table

AGAIN = "`python -m tests.deploy.calls` makes the table anew"


def missing_permissions(table: Iterable[Row], recorded: Iterable[Row]) -> list[str]:
    """Calls that are made and not allowed."""
    allowed = {row.made for row in table}
    return [
        f"{row.service} calls {row.call} on {row.on}, and calls.json has no {', '.join(row.actions)} for it: {AGAIN}"
        for row in make_table(recorded)
        if row.made not in allowed
    ]


def unused_permissions(table: Iterable[Row], recorded: Iterable[Row]) -> list[str]:
    """Calls that are allowed, and neither made in the run, nor rare, nor documented, nor what follows from others."""
    made = {row.made for row in make_table(recorded)}
    return [
        f"{row.service} is allowed {', '.join(row.actions)} on {row.on} for {row.call}, which it does not call: {AGAIN}"
        for row in table
        if row.made not in made
    ]


def unforeseen_calls(table: Iterable[Row], reached: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Calls that the code of a service comes to, and that no row allows it. Reached: service to call to the way."""
    known = {(row.service, row.call) for row in table} | NEVER_MADE.keys()
    return [
        f"{service} can come to {call} by {way}: say it in rare.py, where it is made, or else why it never is"
        for service, calls in reached.items()
        for call, way in calls.items()
        if (service, call) not in known
    ]


def unreachable_calls(table: Iterable[Row], reached: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Calls that are said to be rare, and that the code of the service has no way to."""
    return [
        f"rare.py says that {row.service} calls {row.call}, and its code comes to none"
        for row in table
        if row.source == CODE and row.call not in reached[row.service]
    ]


def unheeded_daemon_calls(table: Iterable[Row], heard: Sequence[Row]) -> list[str]:
    """Calls of KCL's daemon that its documentation, and so the table, does not have."""
    known = {(row.call, row.on) for row in table if row.service == "worker"}
    return [f"KCL's daemon calls {row.call} on {row.on}, which no row allows" for row in heard
            if (row.call, row.on) not in known]  # fmt: skip
