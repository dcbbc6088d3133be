select
    faa as airport,
    name as airport_name,
    lat as latitude_deg,
    lon as longitude_deg,
    alt as altitude_ft,
    nullif(tzone, 'NA') as time_zone
from {{ ref("airports") }}
