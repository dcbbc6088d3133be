"""The demo's build of the models as a child process: what is read of its words, and how it fails."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace_local import processes
from headrace_local.environment import REGION
from headrace_local.errors import StalledError, StartError
from headrace_local.folder import StackFolder
from headrace_local.models import ROLE, ModelsBuild, building_models, nodes_in
from headrace_local.names import LOCAL, Names
from headrace_local.progress import Nodes
from headrace_local.resources import Resources
from headrace_local.workers import WorkerPlan

LOG = """\
12:00:00  Concurrency: 2 threads (target='local')
12:00:00  1 of 1 START hook: headrace.on-run-start.0 ...... [RUN]
12:00:00  1 of 1 OK hook: headrace.on-run-start.0 ......... [OK in 0.02s]
12:00:00  1 of 42 START sql table model core.dim_date ..... [RUN]
12:00:00  2 of 42 START sql view model staging.stg_loads .. [RUN]
12:00:01  2 of 42 OK created sql view model staging.stg_loads ... [SUCCESS in 0.16s]
12:00:01  3 of 42 PASS unique_airlines_carrier ............ [PASS in 0.10s]
12:00:01  4 of 42 FAIL 1 unique_planes_tailnum ............ [FAIL 1 in 0.10s]
12:00:01  1 of 42 ERROR creating sql table model core.dim_date ... [ERROR in 1.16s]
12:00:01  5 of 42 SKIP relation mart.aircraft_use ......... [SKIP]
12:00:01  6 of 42 START test unique_airports_faa .......... [RUN]
"""
BUILT = """{"ok":true,"load_seq":3,"made":28,"tests":16,"failed":[],"warned":[],"skipped":[],"seconds":11.6}"""


@pytest.fixture
def stack() -> Iterator[StackFolder]:
    with tempfile.TemporaryDirectory(prefix="hrm-", dir="/tmp") as root:
        folder = StackFolder("models", Path(root))
        folder.path.mkdir()
        yield folder


def saying(stack: StackFolder, code: str) -> ModelsBuild:
    """A build that does what Python is told here."""
    return ModelsBuild(stack, processes.start(stack, ROLE, [sys.executable, "-c", code], os.environ))


def test_progress_is_what_dbt_is_done_with_whatever_came_of_it() -> None:
    """Hooks are no nodes, and what has only begun is not done."""
    assert nodes_in(LOG) == Nodes(5, 42)
    assert nodes_in(LOG[:200]) == Nodes(0, 0)


def test_the_last_line_is_the_report(stack: StackFolder) -> None:
    """Also where nodes failed, which exit code 1 says, too."""
    failed = BUILT.replace("true", "false").replace('"failed":[]', '"failed":["unique_planes_tailnum"]')
    shown: list[Nodes] = []
    report = saying(stack, f"print({LOG!r} + {failed!r}); exit(1)").until_built(shown.append)
    assert (report.ok, report.tests, report.failed) == (False, 16, ("unique_planes_tailnum",))
    assert shown[-1] == Nodes(5, 42)


def test_a_build_that_does_not_begin_is_told_with_its_last_words(stack: StackFolder) -> None:
    """The real command, and no warehouse."""
    plan = WorkerPlan(
        stack, "http://127.0.0.1:1", Resources.named(Names(LOCAL, "000000000000", REGION), "flights", shards=1)
    )
    with (
        building_models(plan, "redshift://headrace@127.0.0.1:1/headrace") as build,
        pytest.raises(StartError, match=r"(?s)cannot be built, exit code 1; .*headrace-sql: .*127\.0\.0\.1:1"),
    ):
        build.until_built(lambda _: None)


def test_a_build_that_does_not_end_is_given_up(stack: StackFolder) -> None:
    build = saying(stack, "import time; print('still at it', flush=True); time.sleep(60)")
    try:
        with pytest.raises(StalledError, match=r"(?s)not built within 2 s; .*still at it"):
            build.until_built(lambda _: None, limit_s=2.0)
    finally:
        build.process.kill()
        build.process.wait()
