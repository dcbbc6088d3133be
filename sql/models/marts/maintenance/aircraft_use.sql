-- Tests of fct_flights that ask other tables, too, hold back what depends on these as well; so this does.
-- depends_on: {{ ref("dim_airline") }}, {{ ref("dim_airport") }}, {{ ref("dim_date") }}
with flights as (
    select *
    from {{ ref("fct_flights") }}
    where tailnum is not null
),

planes as (
    select *
    from {{ ref("dim_plane") }}
    where is_current
),

tallied as (
    select
        tailnum,
        local_month,
        count(case when not is_cancelled then 1 end) as flights,
        count(case when is_cancelled then 1 end) as cancelled,
        count(distinct case when not is_cancelled then local_date end) as days_flown,
        cast(sum(case when not is_cancelled then distance_mi else 0 end) as bigint) as miles,
        cast(sum(coalesce(air_time_min, 0)) as bigint) as air_time_min
    from flights
    group by tailnum, local_month
)

select
    tallied.tailnum,
    tallied.local_month,
    tallied.flights,
    tallied.cancelled,
    tallied.days_flown,
    tallied.miles,
    tallied.air_time_min,
    planes.manufacturer,
    planes.model,
    planes.year_built,
    planes.seats
from tallied
left join planes on tallied.tailnum = planes.tailnum
