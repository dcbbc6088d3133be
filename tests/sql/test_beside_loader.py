"""Builds beside a loader that loads, and beside somebody who reads."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.sql.conftest import Built
from tests.sql.traffic import Loader, Reader
from tests.sql.world import NO_TESTS, WHAT_LOADS_CHANGE, World

WITH_FEW_TESTS = (
    *WHAT_LOADS_CHANGE, "--exclude", "test_name:not_null", "test_name:unique", "test_name:accepted_values",
    "--exclude-resource-type", "unit_test",
)  # fmt: skip
"""All that hold one table against another."""
EVENTS = """
    SELECT rows.event_id, max(ledger.load_seq) FROM ({tables}) AS rows
    JOIN staging.loader_ledger AS ledger
        ON ledger.commit_id = rows.commit_id AND ledger.table_name = rows.table_name AND ledger.state = 'loaded'
    WHERE ledger.load_seq <= {load_seq} GROUP BY rows.event_id, rows.number"""
NUMBERED = "SELECT event_id, commit_id, '{0}' AS table_name, row_number() OVER () AS number FROM staging.{0}"
STATES = """
    SELECT rows.{key}, rows.window_start, rows.revision, rows.events FROM staging.{table} AS rows
    JOIN staging.loader_ledger AS ledger ON ledger.commit_id = rows.commit_id AND ledger.table_name = '{table}'
    WHERE ledger.load_seq <= {load_seq} AND NOT rows.early ORDER BY rows.revision"""


def test_models_hold_exactly_the_loads_that_their_build_was_given(built: Built, world: World) -> None:
    """Whatever is loaded meanwhile: each row of those loads once, of each window its last state, and none of a later
    load; and a reader sees a mart as one of the builds made it, never missing, empty, torn or doubled."""
    assert built.first.ok
    world.have_built()
    loader, reader = Loader(world), Reader(world)
    seen, seqs = [_flights(world)], []
    with reader.beside():
        with loader.beside():
            for arguments in ((*WHAT_LOADS_CHANGE, *NO_TESTS), WITH_FEW_TESTS):
                seqs.append(world.build(*arguments).load_seq)
                assert_exact(world, seqs[-1])
                seen.append(_flights(world))
        seqs.append(world.build(*WHAT_LOADS_CHANGE, *NO_TESTS).load_seq)
        assert_exact(world, seqs[-1])
        seen.append(_flights(world))
    assert seqs == sorted(set(seqs))
    with world.session() as session:
        assert seqs[-1] == world.ledger.head(session)
    assert loader.loads > 20
    assert reader.faults == []
    assert set(reader.totals) == set(seen)
    assert len(reader.totals) > 100


def _flights(world: World) -> int:
    [(total,)] = world.rows("SELECT sum(flights) FROM mart.on_time_performance")
    return int(total)


def assert_exact(world: World, load_seq: int) -> None:
    """Facts against staging and the books, by queries that know nothing of the models."""
    for fact, key, tables in (
        ("fct_flights", "flight_id", ("flights_departed", "flights_cancelled")),
        ("fct_weather_hourly", "observation_id", ("weather_hourly",)),
    ):
        held = Counter(world.rows(f"SELECT {key}, load_seq FROM core.{fact}"))  # noqa: S608
        union = " UNION ALL ".join(NUMBERED.format(table) for table in tables)
        wanted = Counter(world.rows(EVENTS.format(tables=union, load_seq=load_seq)))
        assert held == wanted, (fact, held - wanted, wanted - held)
        assert set(held.values()) == {1}
    for fact, keys, table, key in (
        ("fct_hourly_departures", "airport, hour_start", "hourly_departures", "origin"),
        ("fct_rotations", "tailnum, rotation_start", "rotations", "tailnum"),
    ):
        held = Counter(world.rows(f"SELECT {keys}, revision, events FROM core.{fact}"))  # noqa: S608
        wanted = _last_states(world.rows(STATES.format(table=table, key=key, load_seq=load_seq)))
        assert held == wanted, (fact, held - wanted, wanted - held)


def _last_states(revisions: list[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """Of each key and start, in the order of revisions; tombstones are none."""
    last = {row[:2]: row for row in revisions}
    return Counter(row for row in last.values() if row[3] > 0)
