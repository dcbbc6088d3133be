-- The aircraft with the most hours in the air, with the days on which they flew: from the mart in the lake.
select
    tailnum,
    manufacturer,
    model,
    sum(flights) as flights,
    sum(days_flown) as days_flown,
    sum(miles) as miles,
    round(sum(air_time_min) / 60.0, 1) as air_time_h
from headrace_curated.aircraft_use
group by tailnum, manufacturer, model
order by sum(air_time_min) desc, tailnum
limit 25
