-- Tests of fct_flights that ask other tables, too, hold back what depends on these as well; so this does.
-- depends_on: {{ ref("dim_airport") }}, {{ ref("dim_date") }}, {{ ref("dim_plane") }}
with flights as (
    select * from {{ ref("fct_flights") }}
),

airlines as (
    select * from {{ ref("dim_airline") }}
),

tallied as (
    select
        carrier,
        local_month,
        count(*) as flights,
        count(case when is_cancelled then 1 end) as cancelled,
        count(case when is_diverted then 1 end) as diverted,
        count(arr_delay_min) as arrived,
        count(case when is_on_time then 1 end) as on_time,
        sum(dep_delay_min) as dep_delay_total_min,
        count(dep_delay_min) as departed,
        sum(arr_delay_min) as arr_delay_total_min
    from flights
    group by carrier, local_month
)

select
    tallied.carrier,
    airlines.carrier_name,
    tallied.local_month,
    tallied.flights,
    tallied.departed,
    tallied.arrived,
    tallied.cancelled,
    tallied.diverted,
    tallied.on_time,
    cast(tallied.on_time as double precision) / tallied.flights as on_time_share,
    cast(tallied.cancelled as double precision) / tallied.flights as cancelled_share,
    cast(tallied.dep_delay_total_min as double precision) / nullif(tallied.departed, 0) as dep_delay_mean_min,
    cast(tallied.arr_delay_total_min as double precision) / nullif(tallied.arrived, 0) as arr_delay_mean_min
from tallied
left join airlines on tallied.carrier = airlines.carrier
