{{
    config(
        materialized="incremental",
        incremental_strategy="merge",
        unique_key="observation_id",
        on_schema_change="append_new_columns",
        sort=["observed_at", "airport"],
        pre_hook="{{ take_out(['stg_weather_hourly'], ['observation_id']) }}",
    )
}}

select
    weather.observation_id,
    weather.airport,
    weather.observed_at,
    weather.local_date,
    weather.temp_f,
    weather.dewpoint_f,
    weather.humidity_pct,
    weather.wind_dir_deg,
    weather.wind_speed_mph,
    weather.wind_gust_mph,
    weather.precip_in,
    weather.pressure_mbar,
    weather.visibility_mi,
    weather.received_at,
    weather.commit_id,
    loads.load_seq
from {{ ref("stg_weather_hourly") }} as weather
inner join {{ loads_of("weather_hourly") }} as loads on weather.commit_id = loads.commit_id
where loads.load_seq > {{ seen() }}
