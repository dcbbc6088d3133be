"""The flights contracts against all of the real data."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import msgspec
import pytest

from headrace_producers import InvalidRecordError
from headrace_producers.contracts import contract_of
from headrace_producers.encoder import EventEncoder, EventEncoders
from headrace_producers.flights import FlightDeparted
from tests.producers.flights_data import flight_event, flight_rows, weather_event, weather_rows


def test_every_real_flight_passes() -> None:
    """All 336,776 flights satisfy the constraints that put() checks, and come back from their line unchanged."""
    encoders = EventEncoders("test", 10**6)
    kinds: Counter[str] = Counter()
    for row in flight_rows():
        event = flight_event(row)
        encoders.encode(event, "id")
        kinds[type(event).__name__] += 1
    assert kinds == {"FlightDeparted": 328_521, "FlightCancelled": 8_255}


def test_every_real_observation_passes() -> None:
    """All 26,115 hours of weather."""
    encoders = EventEncoders("test", 10**6)
    assert sum(1 for row in weather_rows() if encoders.encode(weather_event(row), "id")) == 26_115


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("carrier", "United"),
        ("flight", 0),
        ("dest", "iah"),
        ("origin", "BOS"),
        ("distance", -1),
        ("dep_delay", 100_000),
        ("arr_delay", 2881),
        ("air_time", 0),
        ("tailnum", "N12345678"),
        ("sched_dep_time", 2401),
    ],
)
def test_a_flight_with_one_wrong_field_is_refused(field: str, wrong: Any) -> None:
    """The error names that field, and does not quote what it holds."""
    event = next(event for row in islice(flight_rows(), 50) if isinstance(event := flight_event(row), FlightDeparted))
    encoder = EventEncoder(contract_of(FlightDeparted), "test", 10**6)
    with pytest.raises(InvalidRecordError) as caught:
        encoder.encode(msgspec.structs.replace(event, **{field: wrong}), "id")
    assert caught.value.field == field
    assert str(wrong) not in str(caught.value).replace("<= 2880", "")
