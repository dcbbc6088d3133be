-- Type 2: one row per version of a plane. The first is valid from ever on, for flights before it was first listed.
-- Planes that flights or rotations name and the register lacks are members with one version of nothing but their
-- registration. Rotations are asked, too: they come by another chain, and may be loaded before their flights.
with versions as (
    select
        *,
        row_number() over (partition by tailnum order by dbt_valid_from) as version,
        row_number() over (partition by tailnum order by dbt_valid_from desc) as age
    from {{ ref("planes_snapshot") }}
),

seen_in_flights as (
    select tailnum
    from {{ ref("stg_flights_departed") }}
    where tailnum is not null
    union
    select tailnum
    from {{ ref("stg_flights_cancelled") }}
    where tailnum is not null
    union
    select tailnum
    from {{ ref("stg_rotations") }}
    where tailnum is not null
)

select
    tailnum || '#' || cast(version as varchar) as plane_version,
    tailnum,
    cast(version as integer) as version,
    year_built,
    plane_type,
    manufacturer,
    model,
    engines,
    seats,
    engine,
    case when version = 1 then cast('1900-01-01' as timestamp) else dbt_valid_from end as valid_from,
    coalesce(dbt_valid_to, cast('9999-12-31' as timestamp)) as valid_to,
    age = 1 and dbt_valid_to is null as is_current,
    false as is_inferred
from versions
union all
select
    seen_in_flights.tailnum || '#0' as plane_version,
    seen_in_flights.tailnum,
    0 as version,
    cast(null as integer) as year_built,
    cast(null as varchar) as plane_type,
    cast(null as varchar) as manufacturer,
    cast(null as varchar) as model,
    cast(null as integer) as engines,
    cast(null as integer) as seats,
    cast(null as varchar) as engine,
    cast('1900-01-01' as timestamp) as valid_from,
    cast('9999-12-31' as timestamp) as valid_to,
    true as is_current,
    true as is_inferred
from seen_in_flights
left join versions on seen_in_flights.tailnum = versions.tailnum
where versions.tailnum is null
