"""The demo's pipeline, as `headrace-consumers run headrace_local.pipelines:flights` runs it."""

from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_producers.flights import FlightCancelled, FlightDeparted, WeatherObserved

flights = Pipeline(
    name="flights",
    stream="flights",
    tables=(
        LakeTable("flights_departed", FlightDeparted, partition_by=Grain.MONTH, sort_by=("origin",)),
        LakeTable("flights_cancelled", FlightCancelled, partition_by=Grain.MONTH, sort_by=("origin",)),
        LakeTable("weather_hourly", WeatherObserved, partition_by=Grain.MONTH, sort_by=("origin",)),
    ),
)
