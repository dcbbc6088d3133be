-- Events that are in the processed zone more than once: none, or something is wrong.
with ids as (
    select event_id from headrace_processed.flights_departed
    union all
    select event_id from headrace_processed.flights_cancelled
    union all
    select event_id from headrace_processed.weather_hourly
)

select
    event_id,
    count(*) as appearances
from ids
group by event_id
having count(*) > 1
order by event_id
