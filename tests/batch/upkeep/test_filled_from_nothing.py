"""Warehouses that begin when the lake is compacted: the command, a local AWS, the loader and a local Redshift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from headrace_batch.cli import execute
from tests.consumers.commitlog.tables import TABLE
from tests.consumers.load.harbour import SCHEMA, Harbour, local_harbour, now_ms, settle
from tests.consumers.runtime_process.aws import environment
from tests.consumers.windows_service.stack import PIPELINE, event

NOON = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
EVENTS = [event(NOON - timedelta(minutes=number)) for number in range(10)]
IDS = [msgspec.json.decode(line)["id"] for line in EVENTS]


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with local_harbour(tmp_path_factory.mktemp("harbour")) as made:
        yield made


@pytest.fixture(autouse=True)
def env(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(harbour.stack.endpoint).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_LOG_TABLE", TABLE)


def compact(harbour: Harbour, *arguments: str) -> None:
    """All that there is becomes one file."""
    assert execute(["compact", PIPELINE, "--table", "tides", "--older-than", "0s", *arguments]) == 0
    tides = harbour.stack.s3.list_objects_v2(Bucket="headrace-processed", Prefix="tides/")["Contents"]
    assert len(tides) == 1


def load(harbour: Harbour) -> Counter[str]:
    settle(harbour.loader())
    found = harbour.reconciler().reconcile(now_ms(), since_s=3600, overdue_s=0)
    assert (found.findings, found.waiting) == ((), 0)
    harbour.close()
    return harbour.ids()


def empty(harbour: Harbour) -> None:
    session = harbour.session()
    for table in ("tides", "loader_ledger", "loader_positions"):
        session.run(f'DELETE FROM "{SCHEMA}".{table}')  # noqa: S608
    harbour.close()


def test_all_rows_of_compacted_files_are_there(harbour: Harbour) -> None:
    """For the first loader, when the lake was compacted twice before it; and for one that fills another warehouse,
    after what came and was compacted meanwhile."""
    for begin in range(0, 4, 2):
        harbour.stack.put(*EVENTS[begin : begin + 2])
    compact(harbour, "--no-loader")
    harbour.stack.put(*EVENTS[4:6])
    compact(harbour, "--no-loader")
    assert load(harbour) == Counter(IDS[:6])
    harbour.stack.put(*EVENTS[6:8])
    assert load(harbour) == Counter(IDS[:8])
    compact(harbour)
    assert load(harbour) == Counter(IDS[:8])
    empty(harbour)
    assert load(harbour) == Counter(IDS[:8])
    harbour.stack.put(*EVENTS[8:])
    assert load(harbour) == Counter(IDS)
