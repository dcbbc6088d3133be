select
    event_id as flight_id,
    scheduled_at,
    local_date,
    carrier,
    flight as flight_number,
    tailnum,
    origin,
    dest,
    distance as distance_mi,
    sched_dep_time,
    sched_arr_time,
    arrival_time as received_at,
    commit_id
from {{ source("flights", "flights_cancelled") }}
