select
    tailnum,
    window_start as rotation_start,
    window_end as rotation_end,
    events,
    flights,
    miles,
    revision,
    commit_id
from {{ source("flights", "rotations") }}
where not early
