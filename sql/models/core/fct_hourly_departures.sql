{{
    config(
        materialized="incremental",
        incremental_strategy="merge",
        unique_key=["airport", "hour_start"],
        on_schema_change="append_new_columns",
        sort=["hour_start", "airport"],
        pre_hook="{{ take_out(['stg_hourly_departures'], ['airport', 'hour_start']) }}",
        post_hook="{{ bury() }}",
    )
}}

with states as (
    {{ last_states("stg_hourly_departures", "hourly_departures", ["airport", "hour_start"]) }}
)

select
    airport,
    hour_start,
    events,
    departures,
    dep_delay_mean_min,
    dep_delay_max_min,
    dep_delay_p50_min,
    dep_delay_p90_min,
    revision,
    commit_id,
    load_seq
from states
