"""`headrace-local`: the command line of the local environment."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Callable
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from headrace_local.demo import Demo, DemoPlan
from headrace_local.demo_report import DemoReport
from headrace_local.environment import aws_variables
from headrace_local.errors import LocalError
from headrace_local.folder import StackFolder
from headrace_local.interrupts import Interrupted, interruptible
from headrace_local.processes import Member
from headrace_local.progress import progress_view
from headrace_local.report import print_verdict
from headrace_local.resources import PIPELINE, Resources
from headrace_local.stack import StackPlan, StackStatus, owned_stack
from headrace_local.stack import down as end_by_name
from headrace_local.stack import status as status_by_name
from headrace_local.state import Phase, StackState, read_state
from headrace_local.warehouse import warehouse_settings
from headrace_local.workers import LOCAL_SETTINGS, settings_variables
from headrace_producers.errors import HeadraceError

app = App(
    name="headrace-local",
    help="Headrace on this machine alone: no account, no Docker, no installed Java.",
    help_format="plaintext",
)

Name = Annotated[str | None, Parameter(help="Which stack; two names run side by side. Default: this checkout's.")]


@app.command
def up(*, name: Name = None, pipeline: str = PIPELINE, shards: int = 2) -> int:
    """Start the local AWS with stream, buckets and commit log, and the local Redshift, and leave them running.

    Prints exports for `eval`: all that the shell starts from then on finds the local AWS and the local Redshift.

    Parameters
    ----------
    pipeline
        Name of the pipeline, after which its stream is called.
    shards
        Shards of the stream.
    """

    def run() -> int:
        folder = StackFolder.named(name)
        with owned_stack(folder, StackPlan(pipeline, shards), warehouse=True) as stack:
            stack.leave_up()
        _tell(stack.state, stack.resources)
        return 0

    return _told(run)


@app.command
def down(*, name: Name = None) -> int:
    """End the stack, whatever runs in it, and remove its folder."""

    def run() -> int:
        folder = StackFolder.named(name)
        ended = end_by_name(folder)
        print(f"stack {folder.name}: ended" if ended else f"stack {folder.name}: nothing runs")
        return 0

    return _told(run)


@app.command
def status(*, name: Name = None) -> int:
    """Show endpoint, processes and memory. Exit 1 where nothing runs."""

    def run() -> int:
        folder = StackFolder.named(name)
        found = status_by_name(folder)
        print(_report(found) if found else f"stack {folder.name}: nothing runs")
        return 0 if found else 1

    return _told(run)


@app.command
def env(*, name: Name = None) -> int:
    """Print exports for `eval`, as `up` does: by them a shell finds a stack that runs, `demo --keep`'s too."""

    def run() -> int:
        print(_exports(*_running(name)))
        return 0

    return _told(run)


@app.command
def sql(query: str | None = None, *, name: Name = None) -> int:
    r"""Run one query against the stack's local Redshift and print its rows, or open a prompt (`\q` ends it).

    Parameters
    ----------
    query
        One statement.
    """

    def run() -> int:
        from headrace_local.sql import connected

        state, _ = _running(name)
        with connected(state.warehouse_url) as warehouse:
            return warehouse.show(query) if query is not None else warehouse.prompt()

    return _told(run)


@app.command
def demo(
    *,
    name: Name = None,
    flights: int = DemoPlan.flights,
    shards: int = DemoPlan.shards,
    workers: int = DemoPlan.workers,
    rate: float | None = None,
    corrupt: float = 0.0,
    late: float = 0.0,
    rewind: bool = False,
    replay: bool = False,
    keep: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Stream real flights through everything, and prove that each arrived once. Exit 1 where anything differs.

    Parameters
    ----------
    flights
        How many rows of the flight tables, first in event order; the weather of that time comes along.
    shards
        Shards of the stream.
    workers
        Worker processes, each with a Java daemon and an engine.
    rate
        Events a second; as fast as the stream takes them where not given.
    corrupt
        Percent of the events that are spoilt between producer and stream.
    late
        Percent of the events that the source holds back, some of them beyond the lateness that windows allow.
    rewind
        Once the first commits stand, rewind the pipeline by an hour: the workers bring it all once more.
    replay
        At the end, stage all raw records once more by Spark, and compare rows, letters and windows with what streamed.
    keep
        Leave the local AWS running, with the lake in it, until `down`.
    as_json
        Print one JSON object as the last line of stdout, also on failure.
    """
    report = DemoReport()

    def run() -> int:
        nonlocal report
        plan = DemoPlan(
            flights=flights,
            shards=shards,
            workers=workers,
            rate=rate,
            corrupt_percent=corrupt,
            late_percent=late,
            rewind=rewind,
            replay=replay,
            keep=keep,
        )
        errors = Console(stderr=True)
        with progress_view(errors) as view:
            running = Demo(plan, StackFolder.named(name), view)
            try:
                verdict = running.run()
            finally:
                report = running.report
        prose = errors if as_json else Console()
        print_verdict(prose, report, verdict)
        if keep:
            prose.print(f"look into it: {_sql_hint(running.folder)}", soft_wrap=True, highlight=False)
        return 0 if report.ok else 1

    def note(sentence: str) -> None:
        nonlocal report
        report = msgspec.structs.replace(report, ok=False, error=sentence)

    code = _told(run, note)
    if as_json:
        print(msgspec.json.encode(report).decode())
    return code


@app.command
def generate(*, check: bool = False) -> int:
    """Write what deploy/modules has of the code: alarms, dashboard, the collector's configuration.

    Parameters
    ----------
    check
        Write nothing; exit with 1 where a file is not as the code says.
    """

    def run() -> int:
        from headrace_local.observability.generated import outdated, write

        stale = outdated() if check else write()
        for path in stale:
            print(f"{path} {'is not as the code says: run `headrace-local generate`' if check else 'written'}")
        return 1 if check and stale else 0

    return _told(run)


def main() -> None:
    # What the producer gives up when a demo is stopped, the demo itself tells.
    logging.getLogger("headrace_producers").addHandler(logging.NullHandler())
    sys.exit(app(result_action="return_value"))


def _told(run: Callable[[], int], note: Callable[[str], None] = lambda _sentence: None) -> int:
    """Errors as a sentence on stderr, interruptions as the exit code that a shell expects."""
    try:
        with interruptible():
            return run()
    except Interrupted as interrupted:
        note(str(interrupted))
        print(f"headrace-local: {interrupted}; nothing is left behind", file=sys.stderr)
        return interrupted.exit_code
    except HeadraceError as error:
        note(str(error))
        print(f"headrace-local: {error}", file=sys.stderr)
        return 1


def _tell(state: StackState, resources: Resources) -> None:
    """Prose goes to stderr, so that a shell may take stdout as it is."""
    print(
        f"stack {state.name} is up at {state.endpoint}: stream {resources.stream} ({resources.shards} shards), buckets "
        f"{resources.raw_bucket}, {resources.processed_bucket}, {resources.curated_bucket} and "
        f"{resources.landing_bucket}, log table {resources.log_table}; warehouse {state.warehouse_url}\n"
        f"headrace-local down --name {state.name} ends it",
        file=sys.stderr,
    )
    print(_exports(state, resources))


def _running(name: str | None) -> tuple[StackState, Resources]:
    state = read_state(StackFolder.named(name))
    if state is None or state.resources is None or not state.warehouse_url:
        raise LocalError("no stack with a local Redshift is up; `headrace-local up` starts one")
    return state, state.resources


def _exports(state: StackState, resources: Resources) -> str:
    """All by which commands find the stack."""
    settings = {
        **resources.settings,
        **LOCAL_SETTINGS,
        **(warehouse_settings(state.warehouse_url) if state.warehouse_url else {}),
    }
    variables = aws_variables(state.endpoint) | settings_variables(settings)
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def _sql_hint(folder: StackFolder) -> str:
    return f'headrace-local sql --name {folder.name} "select count(*) from staging.flights_departed"'  # noqa: S608 -- words for a shell


def _report(found: StackStatus) -> str:
    state = found.state
    doing = "up" if state.phase is Phase.UP else f"in the hands of process {state.owner_pid}"
    lines = [f"stack {state.name}: {doing}, endpoint {state.endpoint or 'not yet'}"]
    lines += [_member_line(member) for member in sorted(found.members, key=lambda member: (member.role, member.pid))]
    total_mib = sum(member.rss_bytes for member in found.members) / 2**20
    return "\n".join([*lines, f"  {len(found.members)} processes, {total_mib:.0f} MiB"])


def _member_line(member: Member) -> str:
    return f"  {member.role:<10} pid {member.pid:<8} {member.rss_bytes / 2**20:6.0f} MiB  {member.command[:80]}"
