-- Departures and mean delay by how hard it rained in the hour of departure, per airport.
with departures as (
    select
        origin,
        date_trunc('hour', departed_at) as hour_start,
        dep_delay
    from headrace_processed.flights_departed
),

weather as (
    select
        origin,
        observed_at,
        case when precip = 0 then 'dry' when precip < 0.1 then 'light' else 'heavy' end as rain
    from headrace_processed.weather_hourly
    where precip is not null
)

select
    departures.origin,
    weather.rain,
    count(*) as departures,
    round(avg(departures.dep_delay), 4) as dep_delay_mean_min
from departures
inner join weather on departures.origin = weather.origin and departures.hour_start = weather.observed_at
group by departures.origin, weather.rain
order by departures.origin, weather.rain
