select
    event_id as observation_id,
    observed_at,
    local_date,
    origin as airport,
    temp as temp_f,
    dewp as dewpoint_f,
    humid as humidity_pct,
    wind_dir as wind_dir_deg,
    wind_speed as wind_speed_mph,
    wind_gust as wind_gust_mph,
    precip as precip_in,
    pressure as pressure_mbar,
    visib as visibility_mi,
    arrival_time as received_at,
    commit_id
from {{ source("flights", "weather_hourly") }}
