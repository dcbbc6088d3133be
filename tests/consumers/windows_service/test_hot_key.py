"""One key with nine tenths of all events: its windows are right, and its partials are as small as any other's."""

from __future__ import annotations

import io
import random
from collections import defaultdict
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from headrace_consumers.windows import distinct, quantile
from tests.consumers.windows_service.tides import HOPS, HOURS, VISITS, Reading, Tides, at

SKETCHES = {
    "level_p50": quantile("level_mm", 0.5),
    "level_p99": quantile("level_mm", 0.99),
    "levels": distinct("level_mm"),
}
HOT = tuple(replace(window, aggregates={**window.aggregates, **SKETCHES}) for window in (HOURS, HOPS, VISITS))
STATIONS = ("Deal", "Hull", "Leith")
PANES = 4
"""Hours that the readings lie in."""
MOST_LEVELS = 2_000


def readings_of(size: int, seed: int) -> list[Reading]:
    """Nine tenths are Dover's; all of the keys have readings in every hour, none half an hour from the next."""
    draw = random.Random(seed)
    steady = [(station, minute, 7) for station in ("Dover", *STATIONS) for minute in range(0, 60 * PANES, 20)]
    return steady + [
        (
            "Dover" if draw.random() < 0.9 else draw.choice(STATIONS),
            draw.randrange(60 * PANES),
            draw.randrange(1, MOST_LEVELS),
        )
        for _ in range(size)
    ]


def tides_with(*batches: list[Reading]) -> Tides:
    """A commit of two shards for each batch."""
    tides = Tides(windows=HOT)
    for shard_id in "ab":
        tides.sea.add_shard(shard_id)
    for batch in batches:
        tides.commit({"a": batch[::2], "b": batch[1::2]})
    return tides


def partial_files(tides: Tides, window: str) -> list[bytes]:
    prefix = f"tides_partials/window={window}/"
    return [stored.body for (_, key), stored in tides.sea.s3.objects.items() if key.startswith(prefix)]


def test_the_windows_of_a_hot_key_are_right() -> None:
    """Counts and sums to the last event, quantiles within their hundredth, distinct counts within theirs; and the
    windows of the cold keys beside it."""
    batches = [readings_of(2_000, seed) for seed in range(4)]
    tides = tides_with(*batches)
    tides.flush()
    tides.check()
    levels = defaultdict(list)
    for station, minute, level in tides.readings:
        levels[station, at(minute - minute % 60)].append(level)
    found = {(row["station"], row["window_start"]): row for row in tides.rows(HOT[0])}
    assert found.keys() == levels.keys()
    hottest = max(levels, key=lambda place: len(levels[place]))
    assert hottest[0] == "Dover"
    assert len(levels[hottest]) > 1_500
    for place, values in levels.items():
        ordered = sorted(values)
        for name, part in (("level_p50", 0.5), ("level_p99", 0.99)):
            assert found[place][name] == pytest.approx(ordered[int(part * (len(ordered) - 1))], rel=0.0101)
        assert found[place]["levels"] == pytest.approx(len(set(values)), rel=0.05)


@pytest.mark.parametrize(("window", "panes"), [("hours", PANES), ("hops", PANES), ("visits", 1)])
def test_partials_do_not_grow_with_the_events(window: str, panes: int) -> None:
    """A commit has a row for each pane and key, whatever the number of events; sketches and histograms fill up to a
    bound, and then stay."""
    sizes = []
    draw = random.Random(1)
    for events in (16_000, 64_000):
        hot = [("Dover", draw.randrange(60 * PANES), draw.randrange(1, MOST_LEVELS)) for _ in range(events)]
        [file] = partial_files(tides_with(readings_of(1_000, 1) + hot), window)
        assert pq.read_metadata(io.BytesIO(file)).num_rows == panes * (1 + len(STATIONS))
        sizes.append(len(file))
    assert sizes[1] < 1.2 * sizes[0]
