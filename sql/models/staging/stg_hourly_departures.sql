select
    origin as airport,
    window_start as hour_start,
    events,
    departures,
    delay_mean as dep_delay_mean_min,
    delay_max as dep_delay_max_min,
    delay_p50 as dep_delay_p50_min,
    delay_p90 as dep_delay_p90_min,
    revision,
    commit_id
from {{ source("flights", "hourly_departures") }}
where not early
