-- Tests of fct_flights that ask other tables, too, hold back what depends on these as well; so this does.
-- depends_on: {{ ref("dim_airline") }}, {{ ref("dim_date") }}
with flights as (
    select * from {{ ref("fct_flights") }}
),

planes as (
    select * from {{ ref("dim_plane") }}
),

airports as (
    select * from {{ ref("dim_airport") }}
),

tallied as (
    select
        flights.origin,
        flights.dest,
        flights.local_month,
        max(flights.distance_mi) as distance_mi,
        count(*) as flights,
        count(case when not flights.is_cancelled then 1 end) as departed,
        count(case when flights.is_cancelled then 1 end) as cancelled,
        count(distinct flights.carrier) as carriers,
        count(case when not flights.is_cancelled then planes.seats end) as departed_with_known_seats,
        cast(sum(case when not flights.is_cancelled then planes.seats end) as bigint) as known_seats_flown
    from flights
    left join planes
        on flights.tailnum = planes.tailnum
        and flights.scheduled_at >= planes.valid_from
        and flights.scheduled_at < planes.valid_to
    group by flights.origin, flights.dest, flights.local_month
)

select
    tallied.origin,
    tallied.dest,
    airports.airport_name as dest_name,
    tallied.local_month,
    tallied.distance_mi,
    tallied.flights,
    tallied.departed,
    tallied.cancelled,
    cast(tallied.cancelled as double precision) / tallied.flights as cancelled_share,
    tallied.carriers,
    tallied.departed_with_known_seats,
    tallied.known_seats_flown,
    cast(tallied.known_seats_flown as double precision) / nullif(tallied.departed_with_known_seats, 0) as seats_mean
from tallied
left join airports on tallied.dest = airports.airport
