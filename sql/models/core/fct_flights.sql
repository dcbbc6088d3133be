{{
    config(
        materialized="incremental",
        incremental_strategy="merge",
        unique_key="flight_id",
        on_schema_change="append_new_columns",
        sort=["scheduled_at"],
        dist="dest",
        pre_hook="{{ take_out(['stg_flights_departed', 'stg_flights_cancelled'], ['flight_id']) }}",
    )
}}

with departed as (
    select
        flights.*,
        loads.load_seq
    from {{ ref("stg_flights_departed") }} as flights
    inner join {{ loads_of("flights_departed") }} as loads on flights.commit_id = loads.commit_id
),

cancelled as (
    select
        flights.*,
        loads.load_seq
    from {{ ref("stg_flights_cancelled") }} as flights
    inner join {{ loads_of("flights_cancelled") }} as loads on flights.commit_id = loads.commit_id
),

flights as (
    select
        flight_id,
        false as is_cancelled,
        arr_delay_min is null as is_diverted,
        arr_delay_min < {{ var("on_time_limit_min") }} as is_on_time,
        scheduled_at,
        departed_at,
        local_date,
        carrier,
        flight_number,
        tailnum,
        origin,
        dest,
        distance_mi,
        sched_dep_time,
        dep_time,
        dep_delay_min,
        sched_arr_time,
        arr_time,
        arr_delay_min,
        air_time_min,
        received_at,
        commit_id,
        load_seq
    from departed
    union all
    select
        flight_id,
        true as is_cancelled,
        false as is_diverted,
        cast(null as boolean) as is_on_time,
        scheduled_at,
        cast(null as timestamp) as departed_at,
        local_date,
        carrier,
        flight_number,
        tailnum,
        origin,
        dest,
        distance_mi,
        sched_dep_time,
        cast(null as bigint) as dep_time,
        cast(null as bigint) as dep_delay_min,
        sched_arr_time,
        cast(null as bigint) as arr_time,
        cast(null as bigint) as arr_delay_min,
        cast(null as bigint) as air_time_min,
        received_at,
        commit_id,
        load_seq
    from cancelled
)

select
    *,
    cast(date_trunc('month', local_date) as date) as local_month
from flights
where load_seq > {{ seen() }}
