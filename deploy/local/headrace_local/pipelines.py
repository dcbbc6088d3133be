"""The demo's pipeline, as `headrace-consumers run headrace_local.pipelines:flights` runs it."""

from headrace_consumers.landing import FileForm, LandingSource
from headrace_consumers.pipeline import Grain, LakeTable, Pipeline
from headrace_consumers.windows import Hopping, Session, Tumbling, count, maximum, mean, quantile, total
from headrace_producers.flights import FlightCancelled, FlightDeparted, WeatherObserved
from headrace_producers.reference import AirlineListed, AirportListed, PlaneRegistered

HOUR_S = 3600
WEATHER = LakeTable("weather_hourly", WeatherObserved, partition_by=Grain.MONTH, sort_by=("origin",))
R_CSV = FileForm(null_texts=("NA",))
"""As R writes tables."""

flights = Pipeline(
    name="flights",
    stream="flights",
    tables=(
        LakeTable("flights_departed", FlightDeparted, partition_by=Grain.MONTH, sort_by=("origin",)),
        LakeTable("flights_cancelled", FlightCancelled, partition_by=Grain.MONTH, sort_by=("origin",)),
        WEATHER,
    ),
    windows=(
        Tumbling(
            "hourly_departures",
            table="flights_departed",
            size_s=HOUR_S,
            by=("origin",),
            aggregates={
                "departures": count(),
                "delay_mean": mean("dep_delay"),
                "delay_max": maximum("dep_delay"),
                "delay_p50": quantile("dep_delay", 0.5),
                "delay_p90": quantile("dep_delay", 0.9),
            },
            partition_by=Grain.MONTH,
        ),
        Hopping(
            "cancellations_3h",
            table="flights_cancelled",
            size_s=3 * HOUR_S,
            hop_s=HOUR_S,
            by=("carrier",),
            aggregates={"cancellations": count()},
            partition_by=Grain.MONTH,
        ),
        Session(
            "rotations",
            table="flights_departed",
            gap_s=6 * HOUR_S,
            by=("tailnum",),
            aggregates={"flights": count(), "miles": total("distance")},
            partition_by=Grain.MONTH,
        ),
    ),
    allowed_lateness_s=12 * HOUR_S,
    max_disorder_s=15 * 60,
    landings=(
        LandingSource(
            name="airlines", table=LakeTable("airlines", AirlineListed, Grain.MONTH), form=R_CSV, as_of="as_of"
        ),
        LandingSource(
            name="airports", table=LakeTable("airports", AirportListed, Grain.MONTH), form=R_CSV, as_of="as_of"
        ),
        LandingSource(
            name="planes", table=LakeTable("planes", PlaneRegistered, Grain.MONTH), form=R_CSV, as_of="as_of"
        ),
        LandingSource(
            name="weather",
            table=WEATHER,
            form=R_CSV,
            columns={"time_hour": "observed_at"},
            joined={"local_date": ("year", "month", "day")},
            ignored=("hour",),
        ),
    ),
)
