-- Airports that flights name and the list lacks are members, too: flights must not fall out of joins.
with known as (
    select * from {{ ref("stg_airports") }}
),

seen_in_flights as (
    select origin as airport from {{ ref("stg_flights_departed") }}
    union
    select dest as airport from {{ ref("stg_flights_departed") }}
    union
    select origin as airport from {{ ref("stg_flights_cancelled") }}
    union
    select dest as airport from {{ ref("stg_flights_cancelled") }}
)

select
    airport,
    airport_name,
    latitude_deg,
    longitude_deg,
    altitude_ft,
    time_zone,
    false as is_inferred
from known
union all
select
    seen_in_flights.airport,
    cast(null as varchar) as airport_name,
    cast(null as double precision) as latitude_deg,
    cast(null as double precision) as longitude_deg,
    cast(null as bigint) as altitude_ft,
    cast(null as varchar) as time_zone,
    true as is_inferred
from seen_in_flights
left join known on seen_in_flights.airport = known.airport
where known.airport is null
