"""Redriven letters end in the warehouse, once: the command, a local AWS, the loader and a local Redshift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from headrace_batch.cli import execute
from tests.consumers.commitlog.tables import TABLE
from tests.consumers.load.harbour import Harbour, local_harbour, now_ms, settle
from tests.consumers.runtime_process.aws import environment
from tests.consumers.windows_service.stack import PIPELINE, event

NOW = datetime.now(UTC)
EVENTS = [event(NOW - timedelta(minutes=number)) for number in range(12)]
IDS = [msgspec.json.decode(line)["id"] for line in EVENTS]


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    with local_harbour(tmp_path_factory.mktemp("harbour")) as made:
        made.stack.log.generation("tides")
        yield made


@pytest.fixture(autouse=True)
def env(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(harbour.stack.endpoint).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_LOG_TABLE", TABLE)


def redrive(*arguments: str) -> None:
    fix = ".data.level_mm |= tonumber"
    assert execute(["dead-letters", "redrive", PIPELINE, "--fix", fix, *arguments]) == 0


def load(harbour: Harbour) -> Counter[str]:
    """Loads all that is committed, holds the books against log and tables, and tells which events are there."""
    settle(harbour.loader())
    found = harbour.reconciler().reconcile(now_ms(), since_s=3600, overdue_s=0)
    assert (found.findings, found.waiting) == ((), 0)
    harbour.close()
    return harbour.ids()


def test_each_letter_is_loaded_once(harbour: Harbour) -> None:
    """Whether the loader met the letters' commit before the redrive or after it."""
    levels = [f'"level_mm":"{number}"'.encode() for number in range(12)]
    spoilt = [line.replace(b'"level_mm":1', level) for line, level in zip(EVENTS, levels, strict=True)]
    harbour.stack.put(*EVENTS[:4], *spoilt[4:8])
    assert load(harbour) == Counter(IDS[:4])
    redrive("--limit", "1")
    assert load(harbour) == Counter(IDS[:5])
    harbour.stack.put(*spoilt[8:])
    redrive()
    assert load(harbour) == Counter(IDS)
    redrive()
    assert load(harbour) == Counter(IDS)
    levels_there = harbour.rows('SELECT event_id, level_mm FROM "staging".tides ORDER BY level_mm, event_id')
    assert sorted(level for _, level in levels_there) == [1, 1, 1, 1, *range(4, 12)]
