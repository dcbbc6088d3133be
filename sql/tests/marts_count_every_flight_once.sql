-- What falls out of a join, or doubles in one, shows here.
with totals as (
    select
        'on_time_performance' as mart,
        sum(flights) as flights,
        (select count(*) from {{ ref("fct_flights") }}) as expected
    from {{ ref("on_time_performance") }}
    union all
    select
        'route_demand' as mart,
        sum(flights) as flights,
        (select count(*) from {{ ref("fct_flights") }}) as expected
    from {{ ref("route_demand") }}
    union all
    select
        'aircraft_use' as mart,
        sum(flights + cancelled) as flights,
        (select count(tailnum) from {{ ref("fct_flights") }}) as expected
    from {{ ref("aircraft_use") }}
    union all
    select
        'departures_by_hour' as mart,
        sum(departures) as flights,
        (select sum(departures) from {{ ref("fct_hourly_departures") }}) as expected
    from {{ ref("departures_by_hour") }}
    union all
    select
        'aircraft_rotations' as mart,
        sum(flights) as flights,
        (select sum(flights) from {{ ref("fct_rotations") }}) as expected
    from {{ ref("aircraft_rotations") }}
)

select *
from totals
where coalesce(flights, 0) <> coalesce(expected, 0)
