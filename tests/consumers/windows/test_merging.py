"""Partials merge to the same windows for every cut and order of the stream, and these are right."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace_consumers.windows import (
    Hopping,
    Session,
    Tumbling,
    Window,
    count,
    distinct,
    maximum,
    mean,
    minimum,
    quantile,
    total,
    variance,
)
from headrace_consumers.windows.finishing import finished
from headrace_consumers.windows.layout import finished_schema, partial_schema
from headrace_consumers.windows.merging import merged
from headrace_consumers.windows.partials import partials_of
from headrace_producers.errors import TerminalError
from tests.consumers.windows.oracle import EPOCH, MAX_LEVEL, SENSED, Row, check, expected, table_of

AGGREGATES = {
    "n": count(),
    "level_total": total("level"),
    "level_mean": mean("level"),
    "level_variance": variance("level"),
    "level_p90": quantile("level", 0.9),
    "any_total": total("any_int"),
    "any_least": minimum("any_int"),
    "any_greatest": maximum("any_int"),
    "any_p25": quantile("any_int", 0.25),
    "ratio_total": total("ratio", scale=2),
    "ratio_mean": mean("ratio", scale=2),
    "ratio_variance": variance("ratio", scale=2),
    "ratio_p50": quantile("ratio", 0.5, scale=2),
    "ratio_least": minimum("ratio", scale=2),
    "price_total": total("price"),
    "price_greatest": maximum("price"),
    "price_mean": mean("price"),
    "price_p99": quantile("price", 0.99),
    "words": distinct("word"),
    "ratios": distinct("ratio"),
    "prices": distinct("price"),
}
GAP_S = 600
TUMBLING = Tumbling("tumbling", table="sensed", size_s=1800, by=("place", "zone"), aggregates=AGGREGATES)
HOPPING = Hopping("hopping", table="sensed", size_s=3600, hop_s=1200, by=("zone",), aggregates=AGGREGATES)
SESSION = Session("session", table="sensed", gap_s=GAP_S, by=("place",), aggregates=AGGREGATES)
WINDOWS = [TUMBLING, HOPPING, SESSION, replace(TUMBLING, by=()), replace(SESSION, by=())]
BLANK: dict[str, Any] = dict.fromkeys(("zone", "word", "level", "any_int", "ratio", "price")) | {
    "at": EPOCH,
    "place": "a",
}

rows_strategy = st.lists(
    st.fixed_dictionaries({
        "at": st.one_of(
            st.integers(-8, 8).map(lambda step: EPOCH + timedelta(seconds=step * GAP_S)),
            st.integers(-6 * 10**9, 6 * 10**9).map(lambda moment: EPOCH + timedelta(microseconds=moment)),
        ),
        "place": st.sampled_from(["a", "B", "é"]),
        "zone": st.sampled_from([None, 1, -2]),
        "word": st.sampled_from([None, "", "x", "y", "zz"]),
        "level": st.none() | st.integers(-MAX_LEVEL, MAX_LEVEL) | st.sampled_from([MAX_LEVEL, -MAX_LEVEL, 0, 1]),
        "any_int": st.none() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 0, -1]),
        "ratio": st.none() | st.floats(-1000, 1000) | st.integers(-2000, 2000).map(lambda n: n / 200),
        "price": st.none() | st.decimals(Decimal(-10**9), Decimal(10**9), places=2),
    }),
    max_size=40,
)  # fmt: skip
cuts_strategy = st.integers(0, 2**32)


def cut(rows: Sequence[Row], seed: int) -> list[list[Row]]:
    """The rows in another order, in batches of any size, some of them empty."""
    rng = random.Random(seed)
    batches: list[list[Row]] = [[] for _ in range(rng.randint(1, 6))]
    for row in rng.sample(list(rows), len(rows)):
        rng.choice(batches).append(row)
    return batches


def partials(window: Window, rows: Sequence[Row]) -> pa.Table:
    return partials_of(window, SENSED, table_of(rows))


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: f"{window.name}-by-{'-'.join(window.by) or 'nothing'}")
@given(rows=rows_strategy, seed=cuts_strategy)
@settings(deadline=None, max_examples=25)
def test_any_cut_in_any_order_gives_the_oracles_windows(window: Window, rows: list[Row], seed: int) -> None:
    """Merged partials are the same table however the rows were cut, and finish to what plain fractions give."""
    whole = partials(window, rows)
    tables = [partials(window, batch) for batch in cut(rows, seed)]
    half = merged(window, SENSED, tables[: len(tables) // 2])
    assert merged(window, SENSED, tables).equals(whole)
    assert merged(window, SENSED, [*tables[len(tables) // 2 :], half]).equals(whole)
    check(window, finished(window, SENSED, whole).to_pylist(), rows)


@given(events=st.integers(0, 60), gap_s=st.integers(1, 40), seed=cuts_strategy)
@settings(deadline=None, max_examples=60)
def test_sessions_of_any_gap_are_unions_of_their_parts(events: int, gap_s: int, seed: int) -> None:
    """Events at most the gap apart share a session, also when the event that joins them comes in a later batch."""
    rng = random.Random(seed)
    rows = [
        BLANK | {"at": EPOCH + timedelta(seconds=rng.randrange(300)), "place": rng.choice("ab")} for _ in range(events)
    ]
    window = Session("any", table="sensed", gap_s=gap_s, by=("place",), aggregates={"n": count()})
    panes = merged(window, SENSED, [partials(window, batch) for batch in cut(rows, seed)])
    assert finished(window, SENSED, panes).to_pylist() == expected(window, rows)


def test_a_session_within_another_does_not_end_it() -> None:
    """What comes within the gap of the longer session joins it, although a shorter one began after that."""
    batches = [[0, 500, 1000], [100], [1600]]
    rows = [[BLANK | {"at": EPOCH + timedelta(seconds=moment)} for moment in batch] for batch in batches]
    panes = merged(SESSION, SENSED, [partials(SESSION, batch) for batch in rows])
    assert panes.select(["start_us", "end_us", "events"]).to_pylist() == [
        {"start_us": 0, "end_us": 1_600_000_000, "events": 5}
    ]


def sensed(size: int, seed: int = 4) -> list[Row]:
    """Rows of one hour and place, each with a word of its own."""
    rng = random.Random(seed)
    return [
        {
            "at": EPOCH + timedelta(seconds=rng.randrange(3600)),
            "place": "a",
            "zone": 1,
            "word": f"word {number}",
            "level": rng.randint(-MAX_LEVEL, MAX_LEVEL),
            "any_int": rng.randint(-(2**63), 2**63 - 1),
            "ratio": rng.uniform(-1000, 1000),
            "price": Decimal(rng.randrange(10**9)).scaleb(-2),
        }
        for number in range(size)
    ]


def test_cut_dependent() -> None:
    """The same events in other batches: float sums give other answers; these windows, sketches included, do not."""
    rows = sensed(20_000)
    window = replace(TUMBLING, size_s=3600)
    tables, float_sums = set(), set()
    for seed in range(4):
        batches = cut(rows, seed)
        sums: list[float] = [0.0, *(float(pc.sum(table_of(batch)["ratio"]).as_py() or 0) for batch in batches)]
        float_sums.add(sum(sums))
        found = merged(window, SENSED, [partials(window, batch) for batch in batches])
        tables.add(repr(found.to_pylist()))
    assert len(float_sums) > 1
    assert len(tables) == 1
    words = finished(window, SENSED, partials(window, rows)).column("words")[0].as_py()
    assert words == pytest.approx(20_000, rel=0.05)


def test_square_overflow() -> None:
    """Squares of large integers are summed in 128 bits: the variance is right where 64 bits would have wrapped."""
    aggregates = {"v": variance("level"), "m": mean("level")}
    window = Tumbling("square", table="sensed", size_s=3600, by=("place",), aggregates=aggregates)
    levels = [MAX_LEVEL, MAX_LEVEL - 1, MAX_LEVEL - 3, MAX_LEVEL]
    placed = [("a", level) for level in levels] + [("b", -level) for level in levels] + [("b", MAX_LEVEL)]
    rows = [BLANK | {"place": place, "level": level} for place, level in placed]
    assert sum(level**2 for level in levels) > 2**63
    found = finished(window, SENSED, merged(window, SENSED, [partials(window, [row]) for row in rows]))
    assert found.column("v")[0].as_py() == 2.0
    check(window, found.to_pylist(), rows)


def test_overflow_of_128_bits_is_an_error() -> None:
    """Sums that no declaration allows stop with a sentence; they never wrap."""
    window = Tumbling("full", table="sensed", size_s=3600, aggregates={"v": variance("level")})
    one = partials(window, [BLANK | {"level": 1}])
    at = one.schema.get_field_index("level__sumsq")
    full = one.set_column(at, one.schema.field(at), pa.array([Decimal(10**38 - 1)], pa.decimal128(38, 0)))
    with pytest.raises(TerminalError, match="window 'full': an integer exceeds its bits"):
        merged(window, SENSED, [full, one])


@pytest.mark.parametrize("window", WINDOWS[:3], ids=lambda window: window.name)
def test_starts_choose_windows(window: Window) -> None:
    """Finishing some starts gives the rows that finishing all gives for them."""
    rows = sensed(50)
    panes = partials(window, rows)
    every = finished(window, SENSED, panes)
    starts = every.column("window_start").cast(pa.int64()).unique()[::2]
    chosen = every.filter(pc.is_in(every.column("window_start").cast(pa.int64()), value_set=starts))
    assert 0 < len(chosen) < len(every) or len(every) == 1
    assert finished(window, SENSED, panes, starts).equals(chosen)
    assert finished(window, SENSED, panes, starts.to_pylist()).equals(chosen)
    assert not len(finished(window, SENSED, panes, []))


@pytest.mark.parametrize("window", WINDOWS[:3], ids=lambda window: window.name)
def test_partials_survive_parquet(window: Window) -> None:
    """What a commit holds merges as what was made."""
    panes = partials(window, sensed(50))
    file = io.BytesIO()
    pq.write_table(panes, file)
    file.seek(0)
    assert merged(window, SENSED, [pq.read_table(file)]).equals(panes)


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: f"{window.name}-by-{'-'.join(window.by) or 'nothing'}")
def test_nothing_gives_empty_tables_of_the_schema(window: Window) -> None:
    """No rows, no tables: the schemas hold all the same."""
    assert partials(window, []).equals(partial_schema(window, SENSED).empty_table())
    panes = merged(window, SENSED, [])
    assert panes.equals(partial_schema(window, SENSED).empty_table())
    assert finished(window, SENSED, panes).equals(finished_schema(window, SENSED).empty_table())


def test_a_float_is_rounded_as_its_text() -> None:
    """0.575 is 0.58 and 0.145 is 0.14, half to even, although their float64 lie on the other side of the middle."""
    window = Tumbling("text", table="sensed", size_s=3600, aggregates={"most": maximum("ratio", scale=2)})
    rounded = {}
    for ratio in (0.575, 0.145, -0.575, -0.145, 1.005, 0.285, 0.29, 999.995, 1e-300, -0.0, 2.675):
        found = finished(window, SENSED, partials(window, [BLANK | {"ratio": ratio}]))
        rounded[ratio] = found.column("most")[0].as_py()
    assert list(rounded.values()) == [0.58, 0.14, -0.58, -0.14, 1.0, 0.28, 0.29, 1000.0, 0.0, 0.0, 2.68]
