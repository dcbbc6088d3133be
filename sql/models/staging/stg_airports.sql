select
    faa as airport,
    name as airport_name,
    lat as latitude_deg,
    lon as longitude_deg,
    alt as altitude_ft,
    tzone as time_zone
from {{ newest_of("airports", "faa") }} as airports
