"""Wrong declarations of windows fail before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest

from headrace_consumers.grain import Grain
from headrace_consumers.pipeline import Grain as GrainOfPipeline
from headrace_consumers.windows import (
    Aggregate,
    Hopping,
    Session,
    Tumbling,
    Window,
    check_windows,
    count,
    distinct,
    maximum,
    mean,
    minimum,
    quantile,
    total,
    variance,
)
from headrace_producers.contracts import column, contract, contract_of
from headrace_producers.errors import SettingsError


@contract(name="windows.declared", version=1, partition_key="place", event_time="at")
class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One column of each kind that windows judge."""

    at: datetime
    place: str
    start_us: int
    event_month: int
    level: Annotated[int, column("Bounded", ge=-5, le=5)]
    level__sum: int
    any_int: int
    above: Annotated[float, column("Bounded below", gt=0)]
    ratio: Annotated[float, column("Bounded", ge=-1, le=1)]
    any_float: float
    huge: Annotated[float, column("Bounded, but too far apart", ge=0, le=1e30)]
    grade: Literal[1, 2, 3]
    price: Annotated[Decimal, column("Price", precision=12, scale=2)]
    worth: Annotated[Decimal, column("Too wide", precision=38, scale=2)]
    wide: Annotated[Decimal, column("Too wide to be squared", precision=18, scale=2)]


CONTRACTS = {"measured": contract_of(Measured)}


def check(*windows: Window) -> None:
    check_windows(windows, CONTRACTS)


def tumbling(**changes: Any) -> Tumbling:
    return replace(Tumbling("hourly", table="measured", size_s=3600, by=("place",)), **changes)


def refused(*windows: Window) -> str:
    with pytest.raises(SettingsError) as error:
        check(*windows)
    return str(error.value)


def aggregated(**aggregates: Aggregate) -> Tumbling:
    return tumbling(aggregates=aggregates)


def test_right_declarations_pass() -> None:
    """Every kind of window, every aggregate, on every type that it takes."""
    every: Mapping[str, Aggregate] = {
        "n": count(),
        "level_total": total("level"),
        "unbounded_total": total("any_int"),
        "price_mean": mean("price"),
        "ratio_variance": variance("ratio", scale=3),
        "level_variance": variance("level"),
        "grade_variance": variance("grade"),
        "ratio_low": minimum("ratio", scale=3),
        "ratio_high": maximum("ratio", scale=3),
        "price_p99": quantile("price", 0.99),
        "places": distinct("place"),
        "floats": distinct("any_float"),
    }
    check(
        tumbling(aggregates=every, partition_by=Grain.HOUR),
        Hopping("hopping", table="measured", size_s=7200, hop_s=3600, by=("place", "level"), aggregates=every),
        Session("sessions", table="measured", gap_s=1, aggregates=every),
    )


def test_grain_is_still_the_pipelines() -> None:
    """Declarations that import the grain with the pipeline go on working."""
    assert GrainOfPipeline is Grain


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        (tumbling(name="Hourly"), "window 'Hourly': this is no name: lower-case letters, digits and _ please"),
        (tumbling(name="measured"), "window 'measured': a table, or another window, is called so"),
        (tumbling(table="other"), "window 'hourly': there is no table 'other'; there are measured"),
        (tumbling(size_s=0), "window 'hourly': size_s and hop_s must be 1 or more"),
        (
            Hopping("hops", table="measured", size_s=10, hop_s=0),
            "window 'hops': size_s and hop_s must be 1 or more",
        ),
        (Hopping("hops", table="measured", size_s=10, hop_s=4), "window 'hops': size_s must be a multiple of hop_s"),
        (Session("rounds", table="measured", gap_s=0), "window 'rounds': gap_s must be 1 or more"),
        (tumbling(by=("level", "level")), "window 'hourly': by names a column twice"),
        (
            tumbling(by=("ratio",)),
            "window 'hourly': by: ratio is float64, whose values are no keys; use another type",
        ),
        (
            tumbling(by=("start_us",)),
            "window 'hourly': by: start_us is a column that Headrace adds; rename it in the contract",
        ),
        (
            tumbling(by=("event_month",), partition_by=Grain.MONTH),
            "window 'hourly': by: event_month is a column that Headrace adds; rename it in the contract",
        ),
        (
            tumbling(by=("level__sum",), aggregates={"levels": total("level")}),
            "window 'hourly': by: level__sum would clash with a partial of level; rename it in the contract",
        ),
        (
            aggregated(revision=count()),
            "window 'hourly': revision is a column that Headrace adds; call the aggregate something else",
        ),
        (aggregated(place=count()), "window 'hourly': place is grouped by; call the aggregate something else"),
        (
            aggregated(Bad=count()),
            "window 'hourly': 'Bad' is no name: lower-case letters, digits and _ please",
        ),
        (aggregated(x=total("place")), "window 'hourly': x: place is string; total needs a number"),
        (aggregated(x=minimum("at")), "window 'hourly': x: at is timestamp; minimum needs a number"),
        (
            aggregated(x=quantile("level", 1.0)),
            "window 'hourly': x: q must lie between 0 and 1, both excluded",
        ),
        (
            aggregated(x=quantile("level", 0.0)),
            "window 'hourly': x: q must lie between 0 and 1, both excluded",
        ),
        (
            aggregated(x=mean("ratio")),
            "window 'hourly': x: ratio is float64; state scale=, the digits to keep after the point",
        ),
        (aggregated(x=mean("ratio", scale=19)), "window 'hourly': x: scale must lie between 0 and 18"),
        (
            aggregated(x=mean("level", scale=1)),
            "window 'hourly': x: level is int64; scale is for float64 only, leave it out",
        ),
        (
            aggregated(x=mean("ratio", scale=1), y=maximum("ratio", scale=2)),
            "window 'hourly': ratio has two scales; give all its aggregates the same",
        ),
        (
            aggregated(x=mean("any_float", scale=3)),
            (
                "window 'hourly': x: state ge and le of any_float in the contract: "
                "it may reach from -9,223,372,036,854,775.807 to 9,223,372,036,854,775.807 here"
            ),
        ),
        (
            aggregated(x=mean("above", scale=18)),
            (
                "window 'hourly': x: state le of above in the contract: "
                "it may reach from -9.223372036854775807 to 9.223372036854775807 here"
            ),
        ),
        (
            aggregated(x=mean("huge", scale=0)),
            (
                "window 'hourly': x: the contract's bounds of huge are too wide; state narrower ones, "
                "or a smaller scale: it may reach from -9,223,372,036,854,775,807 to 9,223,372,036,854,775,807 here"
            ),
        ),
        (
            aggregated(x=variance("any_int")),
            (
                "window 'hourly': x: state ge and le of any_int in the contract: "
                "it may reach from -99,999,999,999,998 to 99,999,999,999,998 here"
            ),
        ),
        (
            aggregated(x=variance("ratio", scale=14)),
            (
                "window 'hourly': x: the contract's bounds of ratio are too wide; state narrower ones, "
                "or a smaller scale: it may reach from -0.99999999999998 to 0.99999999999998 here"
            ),
        ),
        (
            aggregated(x=total("worth")),
            (
                "window 'hourly': x: decimal(38, 2) is too wide; state a smaller precision in the contract: "
                "it may reach from -92,233,720,368,547,758.07 to 92,233,720,368,547,758.07 here"
            ),
        ),
        (
            aggregated(x=variance("wide")),
            (
                "window 'hourly': x: decimal(18, 2) is too wide; state a smaller precision in the contract: "
                "it may reach from -999,999,999,999.98 to 999,999,999,999.98 here"
            ),
        ),
    ],
)
def test_wrong_declarations_are_sentences(window: Window, sentence: str) -> None:
    """Each wrong declaration is refused with what is wrong and what to do."""
    assert refused(window) == sentence


def test_unknown_columns_are_named() -> None:
    """A column that the contract lacks is named, with those it has."""
    known = ", ".join(one.name for one in CONTRACTS["measured"].columns)
    assert refused(tumbling(by=("plaice",))) == (f"window 'hourly': by: there is no column 'plaice'; there are {known}")
    assert refused(aggregated(x=distinct("plaice"))) == (
        f"window 'hourly': x: there is no column 'plaice'; there are {known}"
    )


def test_two_windows_of_one_name_are_refused() -> None:
    """A window is a table of its own."""
    assert refused(tumbling(), tumbling()) == "window 'hourly': a table, or another window, is called so"
