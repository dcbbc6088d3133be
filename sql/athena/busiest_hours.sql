-- The twenty hours with the most departures: the last state of each window of the curated zone.
with states as (
    select
        origin,
        window_start,
        departures,
        delay_mean,
        deleted,
        row_number() over (partition by origin, window_start order by revision desc) as age
    from headrace_curated.hourly_departures
    where not early
)

select
    origin,
    cast(window_start as date) as hour_date,
    hour(window_start) as hour_of_day,
    departures,
    round(delay_mean, 4) as dep_delay_mean_min
from states
where age = 1 and not deleted
order by departures desc, window_start, origin
limit 20
