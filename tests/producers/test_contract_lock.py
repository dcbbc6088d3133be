"""The lock file: an incompatible change fails here, and says what broke."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headrace_producers import flights
from headrace_producers.contracts import Column, ColumnType, Constraints, Contract, contract_of
from headrace_producers.contracts.lock import LOCK_NAME, compare, locked, read_lock, write_lock
from headrace_producers.errors import ContractError

FLIGHT = contract_of(flights.FlightDeparted)
PUBLISHED = [contract_of(one) for one in (flights.FlightDeparted, flights.FlightCancelled, flights.WeatherObserved)]
LOCK = Path(__file__).parents[2] / LOCK_NAME


def test_the_published_contracts_are_as_locked() -> None:
    """To change one: add optional columns or widen, then `contracts check --write`; else declare a new version."""
    assert [str(change) for change in compare(read_lock(LOCK), PUBLISHED)] == []


def without(name: str) -> Contract:
    return replace(FLIGHT, columns=tuple(one for one in FLIGHT.columns if one.name != name))


def changed(name: str, **values: object) -> Contract:
    columns = (replace(one, **values) if one.name == name else one for one in FLIGHT.columns)  # type: ignore[arg-type]
    return replace(FLIGHT, columns=tuple(columns))


def limited(name: str, **values: object) -> Contract:
    return changed(name, constraints=replace(FLIGHT.column(name).constraints, **values))  # type: ignore[arg-type]


def added(*, required: bool) -> Contract:
    return replace(FLIGHT, columns=(*FLIGHT.columns, Column("gate", ColumnType.STRING, required=required)))


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (without("dest"), "column dest was removed"),
        (changed("distance", type=ColumnType.FLOAT64), "column distance was int64 and is float64"),
        (changed("tailnum", required=True), "column tailnum was optional and is required: older events lack it"),
        (changed("dest", required=False), "column dest was required and is optional: readers do not expect nulls"),
        (added(required=True), "column gate is new and required: older events lack it"),
        (limited("distance", le=5000), "column distance: le was 12000 and is 5000 (tighter)"),
        (limited("distance", ge=100), "column distance: ge was 1 and is 100 (tighter)"),
        (limited("tailnum", max_length=6), "column tailnum: max_length was 8 and is 6 (tighter)"),
        (limited("tailnum", min_length=5), "column tailnum: min_length was None and is 5 (tighter)"),
        (limited("dest", pattern="^[A-Z]+$"), "column dest: pattern was ^[A-Z]{3}$ and is ^[A-Z]+$ (tighter)"),
        (limited("origin", allowed=("EWR",)), "origin: allowed was ['EWR', 'JFK', 'LGA'] and is ['EWR'] (tighter)"),
        (replace(FLIGHT, partition_key="origin"), "the partition key was dest and is origin"),
        (replace(FLIGHT, event_time="scheduled_at"), "the event time was departed_at and is scheduled_at"),
        (replace(FLIGHT, columns=FLIGHT.columns[::-1]), "columns changed their order"),
        (replace(FLIGHT, columns=(added(required=False).columns[-1], *FLIGHT.columns)), "stands before older ones"),
    ],
)
def test_what_breaks_is_told_precisely(now: Contract, says: str) -> None:
    """Data that is published, or those who read it, would break."""
    breaks = [str(change) for change in compare({FLIGHT.type: locked(FLIGHT)}, [now]) if change.breaks]
    assert len(breaks) == 1
    assert says in breaks[0]
    assert breaks[0].startswith("flight.departed.v1: ")


@pytest.mark.parametrize(
    "now",
    [
        added(required=False),
        limited("distance", le=None, ge=0),
        limited("origin", allowed=("EWR", "JFK", "LGA", "HPN")),
        limited("dest", pattern=None),
    ],
)
def test_what_only_widens_is_compatible(now: Contract) -> None:
    """It is a change all the same, to be written into the lock."""
    changes = compare({FLIGHT.type: locked(FLIGHT)}, [now])
    assert changes
    assert not any(change.breaks for change in changes)


def test_descriptions_are_free() -> None:
    """Words, units and personal marks change without asking."""
    assert compare({FLIGHT.type: locked(FLIGHT)}, [changed("dest", description="To", unit="code", personal=True)]) == []


def test_keys_of_the_warehouse_are_free() -> None:
    """How a table is sorted and distributed promises nothing about its rows."""
    assert compare({FLIGHT.type: locked(FLIGHT)}, [replace(FLIGHT, sort_key=("dest",), dist_key=None)]) == []


def test_writing_keeps_what_is_declared_no_more(tmp_path: Path) -> None:
    """Its data is still in the lake; a new version stands beside it."""
    path = tmp_path / LOCK_NAME
    write_lock(path, [FLIGHT])
    write_lock(path, [replace(FLIGHT, version=2)])
    assert set(read_lock(path)) == {"flight.departed.v1", "flight.departed.v2"}
    assert read_lock(path)["flight.departed.v1"] == locked(FLIGHT)


def test_a_missing_or_foreign_file_says_so(tmp_path: Path) -> None:
    """And how to make one."""
    with pytest.raises(ContractError, match="contracts check --write"):
        read_lock(tmp_path / LOCK_NAME)
    (tmp_path / LOCK_NAME).write_text("{}")
    with pytest.raises(ContractError, match="no lock file"):
        read_lock(tmp_path / LOCK_NAME)


def test_constraints_survive_the_file(tmp_path: Path) -> None:
    """What is written is what is read, decimals' digits included."""
    price = Column("price", ColumnType.DECIMAL, required=False, precision=7, scale=2, constraints=Constraints(ge=0))
    now = replace(FLIGHT, columns=(*FLIGHT.columns, price))
    write_lock(tmp_path / LOCK_NAME, [now])
    assert compare(read_lock(tmp_path / LOCK_NAME), [now]) == []
